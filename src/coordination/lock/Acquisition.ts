/**
 * From asking to giving back: what a lock and a permit of a semaphore have in common.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type * as SharedFibers from "../../internal/SharedFibers.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { isNotSent, isOutcomeUnknown, type RedisError } from "../../redis/RedisError.js"
import * as Lease from "./Lease.js"
import type { LockLost, LockNotAcquired } from "./LockError.js"
import * as Reconnections from "./Reconnections.js"
import * as Waiting from "./Waiting.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Acquisition<out Granted> extends Waiting.Request<Granted> {
  readonly timeToLiveMillis: number
  readonly extend: Lease.LeaseState["extend"]
  /** Gives back by compare, so that it may be tried also where it is unknown whether anything was ever had. */
  readonly giveBack: Effect.Effect<unknown, RedisError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Acquisitions {
  /** Waits for what is claimed, and holds it until the scope ends. */
  readonly hold: <Granted>(
    claim: Acquisition<Granted>,
    scope: Scope.Scope
  ) => Effect.Effect<readonly [Lease.Lease, Granted], LockNotAcquired | RedisError>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (redis: RedisClient.Service, fork: SharedFibers.Fork): Acquisitions => {
  const waiting = Waiting.make(redis, fork)
  const reconnections = Reconnections.make(redis.statusChanges, fork)
  return {
    hold: Effect.fnUntraced(function* <Granted>(claim: Acquisition<Granted>, scope: Scope.Scope) {
      let askedAt = 0
      let everyAskAnswered = true
      let mayHold = false
      let remaining = Effect.succeed<Duration.Duration>(Duration.infinity)

      const askOnce = Effect.flatMap(MonotonicClock.millis, (now) => {
        askedAt = now
        mayHold = true
        return claim.ask
      }).pipe(
        Effect.tapBoth({
          onSuccess: (answer) =>
            Effect.sync(() => {
              mayHold = answer._tag === "Right" || !everyAskAnswered
            }),
          onFailure: (error) =>
            Effect.sync(() => {
              if (isNotSent(error)) mayHold = !everyAskAnswered
              else everyAskAnswered = false
            })
        })
      )
      // what became of the first request stays unknown, whatever becomes of the second
      const ask = Effect.catchIf(askOnce, isOutcomeUnknown, (lost) => Effect.mapError(askOnce, () => lost))

      const giveBack = Effect.catchAll(claim.giveBack, (error) =>
        Effect.logDebug(`"${claim.key}" could not be given back and ends by its time to live: ${error.message}`)
      )

      // before the first ask: its reply may be lost, and its caller interrupted
      const end = Effect.suspend(() => {
        if (!mayHold) return Effect.void
        // what is lost is given back where that is possible, but whoever hears of the loss does not wait for it
        return Effect.flatMap(remaining, (left) => (Duration.isZero(left) ? Effect.forkDaemon(giveBack) : giveBack))
      })
      // `Effect.addFinalizer` would also carry over the fiber's references, which takes as long as everything else here
      yield* Scope.addFinalizer(scope, Effect.uninterruptible(end))
      const granted = yield* waiting.acquire({ ...claim, ask })
      // what extends it must not be left behind between its start and the finalizer that stops it
      const lease = yield* Effect.uninterruptible(Lease.keep({ ...claim, askedAt, fork, reconnections }, scope))
      remaining = lease.remaining
      return [lease, granted] as const
    })
  }
}

/**
 * What runs while something is held: an effect, or a function of what it is given.
 *
 * @since 0.1.0
 * @category models
 */
export type Body<Given, A, E, R> = Effect.Effect<A, E, R> | ((given: Given) => Effect.Effect<A, E, R>)

/**
 * What a body is given, and the leases that it depends on.
 *
 * @since 0.1.0
 * @category models
 */
export interface Held<out Given> {
  readonly given: Given
  readonly leases: Iterable<Lease.Lease>
}

/**
 * Runs a body while everything that it depends on is held, and gives it back when the body ends, fails or is interrupted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const holding =
  <Given, E1>(acquire: (scope: Scope.Scope) => Effect.Effect<Held<Given>, E1>) =>
  <A, E, R>(body: Body<Given, A, E, R>): Effect.Effect<A, E | E1 | LockLost, R> =>
    Effect.acquireUseRelease(
      // not `Effect.scoped`: the body's own scope, if it has one, is its caller's
      Scope.make(),
      (scope) =>
        Effect.flatMap(acquire(scope), ({ given, leases }) => {
          let guarded: Effect.Effect<A, E | LockLost, R> = Effect.isEffect(body)
            ? body
            : Effect.suspend(() => body(given))
          for (const lease of leases) guarded = lease.whileHeld(guarded)
          return guarded
        }),
      (scope, exit) => Scope.close(scope, exit)
    )
