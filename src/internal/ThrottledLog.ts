/**
 * Logs the failures of a cache's schemas and functions, once per kind and minute. A schema that does not fit fails on every
 * read, and would otherwise log a line for each value.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as SharedFibers from "./effect/SharedFibers.js"
import * as MonotonicClock from "./MonotonicClock.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Misfit {
  /** what happened, such as `a value was not stored` */
  readonly what: string
  /** why, without the value */
  readonly why: string
  /** what was thrown, where something was: a kind of its own */
  readonly cause?: Cause.Cause<unknown> | undefined
  /** logged at debug level only, since ids may be people's data */
  readonly key?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ThrottledLog {
  /** Notes a misfit at once, and returns the effect that logs it; undefined when its kind was logged within the minute. */
  readonly note: (misfit: Misfit) => Effect.Effect<void> | undefined
}

const quietMillis = Duration.toMillis("1 minute")

/**
 * Makes a log. `subject` begins each line, such as `cache user:profile`. The lines belong to no single caller, and have the
 * loggers, level and annotations of the place where the log was made.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (subject: string, level: LogLevel.LogLevel = LogLevel.Warning): Effect.Effect<ThrottledLog> =>
  Effect.zipWith(Effect.clock, SharedFibers.fork, (clock, fork) => {
    /** by kind: when it was logged last, and how many have not been since */
    const logged = new Map<string, { readonly at: number; unsaid: number }>()
    return {
      note: ({ cause, key, what, why }) => {
        const kind = cause === undefined ? what : `${what}, thrown`
        const now = MonotonicClock.unsafeMillis(clock)
        const last = logged.get(kind)
        if (last !== undefined && now - last.at < quietMillis) {
          last.unsaid++
          return undefined
        }
        logged.set(kind, { at: now, unsaid: 0 })
        const unsaid = last === undefined || last.unsaid === 0 ? "" : ` (and ${last.unsaid} more since the last line)`
        const line = `${subject}: ${what}: ${why}${unsaid}`
        const message = Effect.logWithLevel(level, line, ...(cause === undefined ? [] : [cause]))
        const lines =
          key === undefined ? message : Effect.zipRight(message, Effect.logDebug(`${subject}: ${what}: ${key}`))
        return Effect.sync(() => void fork(lines))
      }
    }
  })
