/**
 * Says in the log that Redis fails, once per change and not once per call: a busy program makes thousands of calls
 * during an outage.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type { RedisError } from "../redis/RedisError.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface FailureLog {
  /** Redis answered. */
  readonly succeeded: Effect.Effect<void>
  /** Redis did not, or refused. */
  readonly failed: (error: RedisError) => Effect.Effect<void>
}

interface State {
  readonly away: boolean
  /** when each kind of other failure was last seen, in milliseconds */
  readonly lastSeen: HashMap.HashMap<string, number>
}

/** A kind of failure that was not seen for so long is news again. */
const quietMillis = Duration.toMillis("1 minute")

/** Nothing is sent at all. `Overloaded` is no absence: other commands are answered at the same moment. */
const isAway = (error: RedisError): boolean => error._tag === "RedisUnavailable" && error.reason !== "Overloaded"

const kindOf = (error: RedisError): string =>
  error._tag === "RedisServerError" ? `${error._tag}:${error.code}` : error._tag

/**
 * Logs that Redis went away and that it is back, once each. A failure beside that (a timeout, a rejected command, an
 * overload) is logged when it begins, and again when it comes back after a minute without it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<FailureLog> = Effect.gen(function* () {
  const state = yield* Ref.make<State>({ away: false, lastSeen: HashMap.empty() })

  const cameBack = Effect.flatMap(
    Ref.modify(state, (current) => [current.away, { ...current, away: false }]),
    (wasAway) => (wasAway ? Effect.logInfo("Redis answers again: the cache is used") : Effect.void)
  )

  const wentAway = (error: RedisError) =>
    Effect.flatMap(
      Ref.modify(state, (current) => [current.away, { ...current, away: true }]),
      (wasAway) =>
        wasAway
          ? Effect.void
          : Effect.logWarning(`Redis is away, cached reads answer nothing until it is back: ${error.message}`)
    )

  const misbehaved = (error: RedisError) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const kind = kindOf(error)
      const previous = yield* Ref.modify(state, (current) => [
        HashMap.get(current.lastSeen, kind),
        { ...current, lastSeen: HashMap.set(current.lastSeen, kind, now) }
      ])
      if (Option.isNone(previous) || now - previous.value > quietMillis) {
        yield* Effect.logWarning(
          `Redis failed a command of the cache, more of this kind are only counted: ${error.message}`
        )
      }
    })

  return {
    succeeded: Effect.flatMap(Ref.get(state), (current) => (current.away ? cameBack : Effect.void)),
    failed: (error) => (isAway(error) ? wentAway(error) : misbehaved(error))
  }
})
