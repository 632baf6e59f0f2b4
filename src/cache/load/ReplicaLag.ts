/**
 * Reads that lag behind scripts: Acquire reports a value, and the read after it misses that value. Either it was invalidated in
 * between, which the next Acquire finds out. Or reads go to a replica, and catch up in a moment or never.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { RedisProtocolError } from "../../redis/RedisError.js"
import type { ReadFailure } from "../invalidation/outage/ReadFailure.js"

/**
 * How often Acquire may report a value that the read then misses.
 *
 * @since 0.2.0
 * @category constants
 */
export const maxContradictions = 5

/** The longest pause after the first time. */
const pauseMillis = 10

/**
 * Redis is available, but its reads do not see what its scripts have written.
 *
 * @since 0.2.0
 * @category errors
 */
export const failure: ReadFailure = {
  error: new RedisProtocolError({
    command: "MGET",
    detail: "it does not return values that scripts have written, as a replica does"
  }),
  reason: "ReplicaLag",
  isPending: true
}

/**
 * The pause after the nth contradiction of a load, each about twice as long as the last.
 *
 * @since 0.2.0
 * @category getters
 */
export const pauseAfter = (contradictions: number): Effect.Effect<void> => {
  const longest = pauseMillis * 2 ** (contradictions - 1)
  return Effect.flatMap(Random.nextRange(longest / 2, longest), Effect.sleep)
}

/**
 * Makes the report of a cache. It logs once: the cause is the set-up, which does not change while the program runs.
 *
 * @since 0.2.0
 * @category constructors
 */
export const makeReport = (): Effect.Effect<void> => {
  let isReported = false
  return Effect.suspend(() => {
    if (isReported) return Effect.void
    isReported = true
    return Effect.logWarning(
      "Redis does not return values that its scripts have written, so that the cache looks them up again. " +
        "Its reads may go to a replica: send every command of a cache to the primary"
    )
  })
}
