/**
 * What is known of the database without waiting for it: a health check is answered at once, also while the database is not.
 *
 * @since 0.2.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Database } from "../../game/Database.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as ThrottledLog from "../../internal/ThrottledLog.js"

/** How long a health check waits for the probe that it begins, or that is under way. */
const answerWithin = Duration.millis(50)

/** So long the last probe says enough, and a health check does not wait for the next one. */
const freshMillis = Duration.toMillis("1 second")

/** A database that has not answered a probe for so long counts as down. */
const downAfterMillis = Duration.toMillis("2 seconds")

interface Probe {
  readonly startedAt: number
  readonly ended: Deferred.Deferred<void>
}

/**
 * An effect that answers how long the database took for its last probe, and none while it is down: its last probe failed, or
 * the one under way has not been answered for two seconds. It begins a probe unless one is under way. Where the last one
 * ended more than a second ago it waits for it, 50 ms at the most. Until the first probe has ended the database counts as it was when the program opened it: up.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  database: Database.Service
): Effect.Effect<Effect.Effect<Option.Option<Duration.Duration>>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const log = yield* ThrottledLog.make("HTTP")
    let last: Option.Option<Duration.Duration> = Option.some(Duration.zero)
    let lastAt = Number.NEGATIVE_INFINITY
    let probe: Probe | undefined

    const begin = (startedAt: number): Effect.Effect<Probe> => {
      const begun: Probe = { startedAt, ended: Deferred.unsafeMake(FiberId.none) }
      probe = begun
      return database.ping.pipe(
        Effect.timed,
        Effect.map(([elapsed]) => elapsed),
        Effect.tapError(
          ({ message }) => log.note({ what: "the database failed its health check", why: message }) ?? Effect.void
        ),
        Effect.option,
        Effect.zipWith(MonotonicClock.millis, (latency, now) => {
          last = latency
          lastAt = now
        }),
        Effect.ensuring(
          Effect.sync(() => {
            probe = undefined
            Deferred.unsafeDone(begun.ended, Effect.void)
          })
        ),
        Effect.forkIn(scope),
        Effect.as(begun)
      )
    }

    return Effect.gen(function* () {
      const now = yield* MonotonicClock.millis
      const { ended, startedAt } = probe ?? (yield* begin(now))
      if (now - lastAt > freshMillis) yield* Effect.timeoutOption(Deferred.await(ended), answerWithin)
      return probe !== undefined && now - startedAt >= downAfterMillis ? Option.none() : last
    })
  })
