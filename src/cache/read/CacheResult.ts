/**
 * A value with its source and its age.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { ageAt, type CacheEntry } from "../entry/CacheEntry.js"
import type { LoadResult } from "../load/LoadRequest.js"

/**
 * A value, and where it came from. A `Stale` value is past its time to live, and a refresh has started; or this process
 * remembered it (`local.keepStale`) when neither Redis nor the lookup answered, for `reason` and `lookupReason`. A `Degraded`
 * value was looked up because Redis was not available, or the cache is switched off; `reason` says why.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheResult<out A> {
  readonly value: A
  readonly source: "Local" | "Redis" | "Lookup" | "Stale" | "Degraded"
  /** the time since the value was looked up or set */
  readonly age: Duration.Duration
  /** the time until the value is stale; zero when it is */
  readonly timeLeft: Duration.Duration
  /** one word: why Redis was not used; present when the source is `Degraded`, or `Stale` and remembered */
  readonly reason: string | undefined
  /** one word: the tag or the name of the lookup's error; present when the source is `Stale` and remembered */
  readonly lookupReason: string | undefined
}

/**
 * The result for an entry at a time of the server, in milliseconds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(
  entry: CacheEntry<A>,
  source: CacheResult<A>["source"],
  serverTime: number,
  reason?: string,
  lookupReason?: string
): CacheResult<A> => {
  const age = ageAt(entry, serverTime)
  return {
    value: entry.value,
    source,
    age: Duration.millis(age),
    timeLeft: Duration.millis(Math.max(0, entry.timeToLive - age)),
    reason,
    lookupReason
  }
}

/**
 * The result of a load at a time of the server, in milliseconds.
 *
 * @since 0.2.0
 * @category constructors
 */
export const ofLoad = <A>({ entry, lookupReason, reason, source }: LoadResult<A>, serverTime: number): CacheResult<A> =>
  make(entry, source, serverTime, reason, lookupReason)
