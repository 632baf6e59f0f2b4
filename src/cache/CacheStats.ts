/**
 * What a cache counts, always: plain numbers that cost nothing to speak of, and the same as Effect metrics.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"

/**
 * Counts since the start, beside `local` and `outbox`, which are sizes now.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheStats {
  readonly name: string
  /** answered by the local tier */
  readonly hitsLocal: number
  /** answered by Redis */
  readonly hitsRedis: number
  /** neither tier had a value that could be served */
  readonly misses: number
  /** served past their time to live while being refreshed */
  readonly staleServed: number
  /** answered by a lookup because Redis could not be used */
  readonly degraded: number
  readonly lookups: number
  readonly lookupFailures: number
  /** lookups refused because too many were under way without Redis */
  readonly lookupsRefused: number
  /** stored texts that did not decode: each a miss too */
  readonly decodeFailures: number
  /** times that a flight found the lease held by another */
  readonly leaseWaits: number
  /** fills that came too late: the value had been invalidated or written meanwhile */
  readonly fillsRefused: number
  readonly invalidations: number
  /** operations that Redis failed */
  readonly redisFailures: number
  /** entries that gave way in the local tier */
  readonly evictions: number
  /** entries in the local tier */
  readonly local: number
  /** invalidations that Redis has not taken yet */
  readonly outbox: number
  /** milliseconds spent in lookups, in all */
  readonly lookupMillis: number
}

/**
 * The numbers that the engine itself moves.
 *
 * @since 0.1.0
 * @category models
 */
export type Counters = {
  -readonly [Name in Exclude<keyof CacheStats, "name" | "evictions" | "local" | "outbox">]: CacheStats[Name]
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
  lookupsRefused: 0,
  decodeFailures: 0,
  leaseWaits: 0,
  fillsRefused: 0,
  invalidations: 0,
  redisFailures: 0,
  lookupMillis: 0
})

const counter = Metric.counter("cache_events", { description: "What a cache counted, by cache and event" })
const gauge = Metric.gauge("cache_size", { description: "Entries of the local tier and of the outbox, by cache" })

/**
 * Carries the counts into Effect's metrics once a second: counting itself stays an addition.
 *
 * @since 0.1.0
 * @category constructors
 */
export const publish = (stats: () => CacheStats): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    const told = new Map<string, number>()
    const tell = Effect.suspend(() => {
      const { local, name, outbox, ...counts } = stats()
      return Effect.forEach(
        Object.entries(counts),
        ([event, count]) => {
          const more = count - (told.get(event) ?? 0)
          told.set(event, count)
          return more === 0
            ? Effect.void
            : Metric.incrementBy(Metric.tagged(Metric.tagged(counter, "cache", name), "event", event), more)
        },
        { discard: true }
      ).pipe(
        Effect.zipRight(Metric.set(Metric.tagged(Metric.tagged(gauge, "cache", name), "of", "local"), local)),
        Effect.zipRight(Metric.set(Metric.tagged(Metric.tagged(gauge, "cache", name), "of", "outbox"), outbox))
      )
    })
    return tell.pipe(
      Effect.delay("1 second"),
      Effect.forever,
      // an operator's seconds: a test that adjusts its clock by a day does not wait for 86,400 of these
      Effect.withClock(Clock.make()),
      Effect.ensuring(tell),
      Effect.interruptible,
      Effect.forkScoped,
      Effect.asVoid
    )
  })
