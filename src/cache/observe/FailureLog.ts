/**
 * Logs failures of Redis, once per change and not once per call: a busy program makes thousands of calls during an outage.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SharedFibers from "../../internal/effect/SharedFibers.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisError } from "../../redis/RedisError.js"

/**
 * A cache as the log names it, with what its reads do while Redis is away.
 *
 * @since 0.2.0
 * @category models
 */
export interface LoggedCache {
  readonly name: string
  readonly onUnavailable: "lookup" | "fail"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface FailureLog {
  /** The lines name the cache for as long as the scope is open. */
  readonly register: (cache: LoggedCache) => Effect.Effect<void, never, Scope.Scope>
  /** Whether Redis was unavailable at the last command. */
  readonly isAway: () => boolean
  /** Redis has answered. */
  readonly succeeded: Effect.Effect<void>
  /** A command has failed. */
  readonly failed: (error: RedisError) => Effect.Effect<void>
}

/** Where Redis is away again so soon after it has answered, one of its servers is away and others answer. */
const partlyMillis = Duration.toMillis("1 second")

/** A kind of failure is logged again when it was not seen for this long. */
const quietMillis = Duration.toMillis("1 minute")

/** Whether nothing is sent at all. `Overloaded` is different: other commands are answered at the same time. */
const isAway = (error: RedisError): boolean => error._tag === "RedisUnavailable" && error.reason !== "Overloaded"

const isDisabled = (error: RedisError): boolean => error._tag === "RedisUnavailable" && error.reason === "Disabled"

const kindOf = (error: RedisError): string => {
  if (error._tag === "RedisServerError") return `${error._tag}:${error.code}`
  return error._tag === "InvalidArgument" ? `${error._tag}:${error.command}:${error.argument}` : error._tag
}

/** An argument that cannot be right was never sent: Redis has failed nothing. */
const subjectOf = (error: RedisError): string =>
  error._tag === "InvalidArgument" ? "A command of a cache was not sent" : "Redis failed a command of a cache"

/** A line names this many caches, and counts the others. */
const mostNamed = 5

const listOf = (caches: ReadonlyArray<LoggedCache>): string => {
  const names = Array.from(new Set(caches.map(({ name }) => name)))
  const rest = names.length - mostNamed
  return names.slice(0, mostNamed).join(", ") + (rest > 0 ? ` and ${rest} more` : "")
}

/** What reads do without Redis, as the rest of a line: empty without a cache. */
const readsOf = (caches: ReadonlyArray<LoggedCache>): string => {
  const lookingUp = caches.filter(({ onUnavailable }) => onUnavailable === "lookup")
  const failing = caches.filter(({ onUnavailable }) => onUnavailable === "fail")
  const clauses = [
    ...(lookingUp.length > 0 ? [`reads go to the lookup (${listOf(lookingUp)})`] : []),
    ...(failing.length > 0 ? [`reads fail (${listOf(failing)})`] : [])
  ]
  return clauses.map((clause) => `: ${clause}`).join("")
}

/**
 * Logs the start and the end of an outage, once each, with the names of the registered caches and what their reads do. A
 * Redis that is switched off is said to be that. Where one server of a cluster is away, failures and answers alternate:
 * that is logged once a minute. Any other kind of failure, such as a timeout, is logged
 * when it first occurs, and again after a minute without it. The lines have the loggers, level and
 * annotations of the place where the log was made, since they belong to no single caller.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<FailureLog> = Effect.map(SharedFibers.fork, (fork) => {
  const write = (line: Effect.Effect<void>) => Effect.sync(() => void fork(line))
  let isAwayNow = false
  /** when it was last away, and when it was last logged that only a part of it is, in milliseconds */
  let awayAt = Number.NEGATIVE_INFINITY
  let partlyLoggedAt = Number.NEGATIVE_INFINITY
  /** whether the present outage was logged as one of all servers, so that its end is logged too */
  let isWhole = false
  /** for each kind of other failure, the time at which it was last seen, in milliseconds */
  const lastSeen = new Map<string, number>()
  const caches = new Set<LoggedCache>()
  const reads = () => readsOf(Array.from(caches))

  const succeeded = Effect.suspend(() => {
    if (!isAwayNow) return Effect.void
    isAwayNow = false
    return isWhole
      ? write(
          Effect.logInfo(
            `Redis answers again: reads use it${caches.size > 0 ? ` (${listOf(Array.from(caches))})` : ""}`
          )
        )
      : Effect.void
  })

  const wentAway = (error: RedisError) =>
    Effect.flatMap(MonotonicClock.millis, (now) => {
      const isPart = !isAwayNow && now - awayAt <= partlyMillis
      awayAt = now
      if (isAwayNow) return Effect.void
      isAwayNow = true
      isWhole = !isPart
      if (isDisabled(error)) return write(Effect.logWarning(`Redis is switched off${reads()}: ${error.message}`))
      if (isWhole) return write(Effect.logWarning(`Redis is away${reads()}: ${error.message}`))
      if (now - partlyLoggedAt <= quietMillis) return Effect.void
      partlyLoggedAt = now
      return write(Effect.logWarning(`Redis is away for some keys and answers for others${reads()}: ${error.message}`))
    })

  const failedOtherwise = (error: RedisError) =>
    Effect.flatMap(MonotonicClock.millis, (now) => {
      const kind = kindOf(error)
      const previous = lastSeen.get(kind)
      lastSeen.set(kind, now)
      return previous !== undefined && now - previous <= quietMillis
        ? Effect.void
        : write(
            Effect.logWarning(`${subjectOf(error)}; further failures of this kind are only counted: ${error.message}`)
          )
    })

  return {
    register: (cache) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => caches.add(cache)),
          () => Effect.sync(() => caches.delete(cache))
        )
      ),
    isAway: () => isAwayNow,
    succeeded,
    failed: (error) => (isAway(error) ? wentAway(error) : failedOtherwise(error))
  }
})
