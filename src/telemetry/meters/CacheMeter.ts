/**
 * The metrics of caches. Counts and sizes are read when they are exported; durations arrive as they end.
 *
 * @internal
 */
import { type CacheListener, type ObservedCache, observedCaches } from "../../cache/observe/ObservedCaches.js"
import * as Instrument from "./Instrument.js"

const gets = Instrument.counter("cache.gets", "Reads, by the tier that answered and the result")
const loads = Instrument.counter(
  "cache.loads",
  "Lookups, by result; rejected: too many ran while Redis was unavailable"
)
const saved = Instrument.counter("cache.loads.saved", "Reads that were answered by the lookup of another caller")
const leaseWaits = Instrument.counter("cache.lease.waits", "Loads that found the lease held by another process")
const decodeFailures = Instrument.counter("cache.decode.failures", "Stored values that did not decode; each is a miss")
const storeFailures = Instrument.counter("cache.store.failures", "Values that were not stored, by schema, tags or time")
const fillsRejected = Instrument.counter(
  "cache.fills.rejected",
  "Loaded values that were invalidated before they were stored"
)
const evictions = Instrument.counter("cache.evictions", "Entries evicted from the local tier")
const invalidations = Instrument.counter("cache.invalidations", "Invalidations by this process")
const redisFailures = Instrument.counter("cache.redis.failures", "Operations that Redis failed")
const loadDuration = Instrument.seconds("cache.load.duration", "Duration of lookups")
const readDuration = Instrument.seconds("cache.redis.read.duration", "Duration of reads from Redis, for each key")
const entries = Instrument.gauge("cache.entries", "Entries in the local tier")
const size = Instrument.gauge("cache.size", "Stored text in the local tier", "By")
const outbox = Instrument.gauge("cache.outbox.entries", "Invalidations that Redis has not received yet")
const tracking = Instrument.gauge(
  "cache.tracking.active",
  "1 while changes by other programs are heard, for caches that track"
)

const gauges: ReadonlySet<unknown> = new Set([entries, size, outbox, tracking])

const published = new WeakMap<ObservedCache, Instrument.Published>()

const publishedOf = (cache: ObservedCache): Instrument.Published => {
  const known = published.get(cache)
  if (known !== undefined) return known
  const made = new Instrument.Published((update) => gauges.has(update))
  published.set(cache, made)
  return made
}

const publish = (observed: ObservedCache): void => {
  const { name: cache, ...now } = observed.stats()
  const counts = publishedOf(observed)
  counts.follow(gets, { cache, tier: "local", result: "hit" }, now.hitsLocal)
  counts.follow(gets, { cache, tier: "redis", result: "hit" }, now.hitsRedis)
  counts.follow(gets, { cache, tier: "redis", result: "stale" }, now.staleServed)
  counts.follow(gets, { cache, tier: "none", result: "miss" }, now.misses)
  counts.follow(gets, { cache, tier: "none", result: "degraded" }, now.degraded)
  counts.follow(loads, { cache, result: "success" }, now.lookups - now.lookupFailures)
  counts.follow(loads, { cache, result: "failure" }, now.lookupFailures)
  counts.follow(loads, { cache, result: "rejected" }, now.lookupsRejected)
  counts.follow(saved, { cache }, now.lookupsSaved)
  counts.follow(leaseWaits, { cache }, now.leaseWaits)
  counts.follow(decodeFailures, { cache }, now.decodeFailures)
  counts.follow(storeFailures, { cache }, now.storeFailures)
  counts.follow(fillsRejected, { cache }, now.fillsRejected)
  counts.follow(evictions, { cache }, now.evictions)
  counts.follow(invalidations, { cache }, now.invalidations)
  counts.follow(redisFailures, { cache }, now.redisFailures)
  counts.follow(entries, { cache }, now.local)
  counts.follow(size, { cache }, now.localBytes)
  counts.follow(outbox, { cache }, now.outbox)
  if (now.tracking !== "Off") counts.follow(tracking, { cache }, now.tracking === "Active" ? 1 : 0)
}

const readDurationOf = Instrument.remembered((cache) => readDuration({ cache }))
const loadDurationOf = Instrument.remembered((cache) => loadDuration({ cache }))

export const listener: CacheListener = {
  onRead: (cache, millis, keys) => readDurationOf(cache)(millis, keys),
  onLookup: (cache, millis) => loadDurationOf(cache)(millis),
  onEnd: (cache) => {
    publish(cache)
    publishedOf(cache).end()
  }
}

/** Brings the counts and sizes of all caches up to date. */
export const collect = (): void => {
  for (const cache of observedCaches.members) publish(cache)
}
