/**
 * The statistics of one cache in this process, as a schema: a health check or an admin API can answer them as they are.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const Count = Schema.NonNegativeInt

const described = (description: string) => Count.annotations({ description })

const Latency = Schema.Struct({
  count: Count,
  mean: Schema.Number,
  p50: Schema.Number,
  p99: Schema.Number,
  max: Schema.Number
})

/**
 * Counts since the start. `local` and `outbox` are current sizes, and `tracking` is the current state. Latencies are in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export const CacheStats = Schema.Struct({
  name: Schema.String,
  hitsLocal: described("reads answered by the local tier"),
  hitsRedis: described("reads answered by Redis"),
  misses: described("reads that found no value in either tier"),
  missesExpired: described("misses whose value was past its time"),
  missesInvalidated: described("misses whose value was invalidated, or not trusted after an outage"),
  staleServed: described("stale values served while a refresh ran"),
  degraded: described("reads answered by a lookup because Redis was unavailable"),
  lookups: Count,
  lookupFailures: Count,
  lookupsRejected: described("lookups rejected because too many were running while Redis was unavailable"),
  lookupsSaved: described("reads answered by the lookup of another caller, in this process or another"),
  decodeFailures: described("stored values that did not decode; each is also a miss"),
  storeFailures: described("values that were not stored because of their schema, tags or time to live"),
  leaseWaits: described("loads that waited for the lease of another process"),
  fillsRejected: described("loaded values that were not stored because the key was written or invalidated meanwhile"),
  invalidations: Count,
  redisFailures: described("operations that Redis failed"),
  evictions: described("entries evicted from the local tier"),
  local: described("entries in the local tier now"),
  localBytes: described(
    "stored text in the local tier now: UTF-8 bytes where `local.maxBytes` is set, UTF-16 units elsewhere"
  ),
  outbox: described("invalidations that Redis has not received yet"),
  tracking: Schema.Literal("Off", "Connecting", "Active", "Refused").annotations({
    description: "whether changes by other programs are heard now; Off without `local.tracking`"
  }),
  redisLatency: Latency.annotations({ description: "of reads from Redis, in milliseconds" }),
  lookupLatency: Latency.annotations({ description: "of lookups, in milliseconds" })
}).annotations({ identifier: "CacheStats" })

/**
 * @since 0.1.0
 * @category models
 */
export interface CacheStats extends Schema.Schema.Type<typeof CacheStats> {}
