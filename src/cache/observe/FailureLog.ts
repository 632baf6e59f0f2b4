/**
 * Says in the log that Redis fails, once per change and not once per call: a busy program makes thousands of calls
 * during an outage.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as SharedFibers from "../../internal/SharedFibers.js"
import type { RedisError } from "../../redis/RedisError.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface FailureLog {
  /** Whether Redis was away when it was last asked, so that an answer of it is news. */
  readonly isAway: () => boolean
  /** Redis answered. */
  readonly succeeded: Effect.Effect<void>
  /** Redis did not, or refused. */
  readonly failed: (error: RedisError) => Effect.Effect<void>
}

/** A kind of failure that was not seen for so long is news again. */
const quietMillis = Duration.toMillis("1 minute")

/** Nothing is sent at all. `Overloaded` is no absence: other commands are answered at the same moment. */
const isAway = (error: RedisError): boolean => error._tag === "RedisUnavailable" && error.reason !== "Overloaded"

const kindOf = (error: RedisError): string =>
  error._tag === "RedisServerError" ? `${error._tag}:${error.code}` : error._tag

/**
 * Logs that Redis went away and that it is back, once each. A failure beside that (a timeout, a rejected command, an
 * overload) is logged when it begins, and again when it comes back after a minute without it. The lines are everybody's,
 * and so with the loggers, the level and the annotations of the place where the log was made.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<FailureLog> = Effect.map(SharedFibers.fork, (fork) => {
  const write = (line: Effect.Effect<void>) => Effect.sync(() => void fork(line))
  let isAwayNow = false
  /** when each kind of other failure was last seen, in milliseconds */
  const lastSeen = new Map<string, number>()

  const succeeded = Effect.suspend(() => {
    if (!isAwayNow) return Effect.void
    isAwayNow = false
    return write(Effect.logInfo("Redis answers again: the cache is used"))
  })

  const wentAway = (error: RedisError) =>
    Effect.suspend(() => {
      if (isAwayNow) return Effect.void
      isAwayNow = true
      return write(
        Effect.logWarning(
          `Redis is away, and until it is back caches look values up, or fail with onUnavailable "fail": ${error.message}`
        )
      )
    })

  const misbehaved = (error: RedisError) =>
    Effect.flatMap(MonotonicClock.millis, (now) => {
      const kind = kindOf(error)
      const previous = lastSeen.get(kind)
      lastSeen.set(kind, now)
      return previous !== undefined && now - previous <= quietMillis
        ? Effect.void
        : write(
            Effect.logWarning(
              `Redis failed a command of the cache, more of this kind are only counted: ${error.message}`
            )
          )
    })

  return {
    isAway: () => isAwayNow,
    succeeded,
    failed: (error) => (isAway(error) ? wentAway(error) : misbehaved(error))
  }
})
