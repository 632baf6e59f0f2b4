/**
 * Reports the health of a dependency, such as a database, without waiting for it: a health check answers at once, even while
 * the dependency does not.
 *
 * @since 0.2.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as ThrottledLog from "../../internal/ThrottledLog.js"

/** How long a health check waits for a running probe. */
const answerWithin = Duration.millis(50)

/** A result of the last probe that is younger than this is answered without a new wait. */
const freshMillis = Duration.toMillis("1 second")

/** A dependency counts as down when a probe has run this long. */
const downAfterMillis = Duration.toMillis("2 seconds")

interface Probe {
  readonly startedAt: number
  readonly ended: Deferred.Deferred<void>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** names the dependency in the log */
  readonly name: string
  readonly ping: Effect.Effect<unknown, { readonly message: string }>
  /** whether it counts as up before its first result, as one does that the program has opened */
  readonly isOpen: boolean
}

/**
 * Builds an effect that answers the latency of the last probe, or none while the dependency is down. It is down
 * when its last probe failed or the running probe is two seconds old. The effect starts a probe unless one is running.
 * When the last probe completed more than a second ago, it waits for the new one, at most 50 ms.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({
  isOpen,
  name,
  ping
}: Options): Effect.Effect<Effect.Effect<Option.Option<Duration.Duration>>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const log = yield* ThrottledLog.make("HTTP")
    let last = isOpen ? Option.some(Duration.zero) : Option.none<Duration.Duration>()
    let lastAt = Number.NEGATIVE_INFINITY
    let probe: Probe | undefined

    const begin = (startedAt: number): Effect.Effect<Probe> => {
      const begun: Probe = { startedAt, ended: Deferred.unsafeMake(FiberId.none) }
      probe = begun
      return ping.pipe(
        Effect.timed,
        Effect.map(([elapsed]) => elapsed),
        Effect.tapError(
          ({ message }) => log.note({ what: `the ${name} failed its health check`, why: message }) ?? Effect.void
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
