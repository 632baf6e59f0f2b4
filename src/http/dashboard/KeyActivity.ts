/**
 * Watches which keys of a cache are read most, and which have the slowest lookups, in bounded memory. Reads are sampled; a
 * cache that nobody watches pays nothing.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { LiveCache } from "../../cache/LiveCaches.js"
import type { CacheEvent } from "../../cache/observe/CacheEvents.js"
import * as LatencyHistogram from "../../internal/collection/LatencyHistogram.js"
import * as SpaceSaving from "../../internal/collection/SpaceSaving.js"

/**
 * What a page shows of the keys of a cache.
 *
 * @since 0.2.0
 * @category models
 */
export interface KeyReport {
  readonly hottest: ReadonlyArray<{ readonly key: string; readonly count: number }>
  readonly slowest: ReadonlyArray<{ readonly key: string; readonly millis: number }>
  /** of the lookups since the report before */
  readonly lookups: LatencyHistogram.Latency
}

/** The keys of the sketch, of the list of slow lookups, and of a report. */
const capacity = 128
const mostSlow = 64
const reported = 10

/** The slowest lookup of each key, of the slowest keys. */
const makeSlowest = () => {
  const keys = new Map<string, number>()
  let floor = 0
  return {
    note: (key: string, millis: number) => {
      if (keys.size >= mostSlow && millis <= floor) return
      keys.set(key, Math.max(millis, keys.get(key) ?? 0))
      if (keys.size > mostSlow) {
        const [least = ""] = Array.from(keys).reduce((left, right) => (right[1] < left[1] ? right : left))
        keys.delete(least)
      }
      if (keys.size >= mostSlow) floor = Math.min(...keys.values())
    },
    top: () =>
      Array.from(keys, ([key, millis]) => ({ key, millis }))
        .sort((left, right) => right.millis - left.millis)
        .slice(0, reported)
  }
}

/**
 * Watches a cache for as long as the scope is open. The function reports, and begins the next count of lookups.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (cache: Pick<LiveCache, "listen">): Effect.Effect<() => KeyReport, never, Scope.Scope> =>
  Effect.suspend(() => {
    const frequent = SpaceSaving.make(capacity)
    const slowest = makeSlowest()
    let lookups = LatencyHistogram.make()
    const onEvent = (event: CacheEvent, weight: number) => {
      switch (event._tag) {
        case "Hit":
        case "Miss":
        case "Stale":
          return frequent.note(event.key, weight)
        case "Lookup": {
          const millis = Duration.toMillis(event.took)
          lookups.note(millis)
          return slowest.note(event.key, millis)
        }
      }
    }
    return Effect.as(cache.listen(onEvent), () => {
      const summary = lookups.summary()
      lookups = LatencyHistogram.make()
      return {
        hottest: frequent.top(reported).map(({ count, key }) => ({ key, count })),
        slowest: slowest.top(),
        lookups: summary
      }
    })
  })
