/**
 * Counts what a cache does, and publishes the counts as Effect metrics.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import type { CacheStats } from "./CacheStats.js"

/**
 * The counts that CacheObserver keeps.
 *
 * @since 0.1.0
 * @category models
 */
export type Counters = {
  -readonly [Name in Exclude<
    keyof CacheStats,
    "name" | "evictions" | "local" | "outbox" | "redisLatency" | "lookupLatency"
  >]: CacheStats[Name]
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const counters = (): Counters => ({
  hitsLocal: 0,
  hitsRedis: 0,
  misses: 0,
  staleServed: 0,
  degraded: 0,
  lookups: 0,
  lookupFailures: 0,
  lookupsRejected: 0,
  decodeFailures: 0,
  storeFailures: 0,
  leaseWaits: 0,
  fillsRejected: 0,
  invalidations: 0,
  redisFailures: 0
})

const counter = Metric.counter("cache_events", { description: "Events of a cache, by cache and event" })
const size = Metric.gauge("cache_size", { description: "Entries in the local tier and in the outbox, by cache" })
const latency = Metric.gauge("cache_latency_millis", {
  description: "Duration of reads from Redis and of lookups since the start, by cache, operation and statistic"
})

const tagged = <Type, In, Out>(
  metric: Metric.Metric<Type, In, Out>,
  tags: Readonly<Record<string, string>>
): Metric.Metric<Type, In, Out> =>
  Object.entries(tags).reduce((tagged, [name, value]) => Metric.tagged(tagged, name, value), metric)

/**
 * Copies the counts into Effect's metrics once a second, so that counting itself is only an addition.
 *
 * @since 0.1.0
 * @category constructors
 */
export const publish = (stats: () => CacheStats): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    const published = new Map<string, number>()
    const publishOnce = Effect.suspend(() => {
      const { local, lookupLatency, name, outbox, redisLatency, ...counts } = stats()
      const events = Effect.forEach(
        Object.entries(counts),
        ([event, count]) => {
          const more = count - (published.get(event) ?? 0)
          published.set(event, count)
          return more === 0 ? Effect.void : Metric.incrementBy(tagged(counter, { cache: name, event }), more)
        },
        { discard: true }
      )
      const sizes = Effect.forEach(
        Object.entries({ local, outbox }),
        ([of, count]) => Metric.set(tagged(size, { cache: name, of }), count),
        { discard: true }
      )
      const latencies = Effect.forEach(
        Object.entries({ redis: redisLatency, lookup: lookupLatency }),
        ([of, { count: _, ...statistics }]) =>
          Effect.forEach(
            Object.entries(statistics),
            ([statistic, millis]) => Metric.set(tagged(latency, { cache: name, of, statistic }), millis),
            { discard: true }
          ),
        { discard: true }
      )
      return Effect.all([events, sizes, latencies], { discard: true })
    })
    return publishOnce.pipe(
      Effect.delay("1 second"),
      Effect.forever,
      // a clock of its own: a test that adjusts its clock by a day must not wait for 86,400 rounds
      Effect.withClock(Clock.make()),
      Effect.ensuring(publishOnce),
      Effect.interruptible,
      Effect.forkScoped,
      Effect.asVoid
    )
  })
