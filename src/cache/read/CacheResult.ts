/**
 * A value as it is given to a caller: where it came from, and how old it is.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { CacheEntry } from "../entry/CacheEntry.js"

/**
 * Where a value came from. `Stale` is past its time to live and being refreshed; `Degraded` was looked up because Redis
 * could not be used, and `reason` says why.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheResult<out A> {
  readonly value: A
  readonly source: "Local" | "Redis" | "Lookup" | "Stale" | "Degraded"
  /** since the value was looked up or set */
  readonly age: Duration.Duration
  /** what is left until it is stale; zero when it is */
  readonly timeLeft: Duration.Duration
  /** one word; present when the source is `Degraded` */
  readonly reason: string | undefined
}

/**
 * An entry as it is served at a time of the server (milliseconds).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(
  entry: CacheEntry<A>,
  source: CacheResult<A>["source"],
  serverTime: number,
  reason?: string
): CacheResult<A> => {
  // the server's time is known only roughly: it may seem to be before the birth
  const age = Math.max(0, serverTime - entry.createdAt)
  return {
    value: entry.value,
    source,
    age: Duration.millis(age),
    timeLeft: Duration.millis(Math.max(0, entry.timeToLive - age)),
    reason
  }
}
