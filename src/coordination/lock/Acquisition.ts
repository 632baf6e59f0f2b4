/**
 * Acquires, holds and releases: the life that a lock and a permit of a semaphore have in common.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as SharedFibers from "../../internal/effect/SharedFibers.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { isNotSent, isOutcomeUnknown, type RedisError } from "../../redis/RedisError.js"
import type * as Lease from "./Lease.js"
import * as LeaseRenewal from "./LeaseRenewal.js"
import type { LockLost, LockNotAcquired } from "./LockError.js"
import { type LockKind, observed } from "./ObservedLocks.js"
import * as Reconnections from "./Reconnections.js"
import * as Waiting from "./Waiting.js"

/**
 * A lock or permit to acquire, and the commands that extend and release it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Acquisition<out Granted> extends Waiting.Request<Granted> {
  readonly kind: LockKind
  readonly timeToLiveMillis: number
  readonly extend: LeaseRenewal.LeaseState["extend"]
  /** Releases by comparing tokens, so it is safe also when it is unknown whether the acquisition succeeded. */
  readonly release: Effect.Effect<unknown, RedisError>
}

/**
 * The acquisitions on one client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Acquisitions {
  /** Acquires, waiting if necessary, and holds until the scope ends. */
  readonly hold: <Granted>(
    acquisition: Acquisition<Granted>,
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
    hold: Effect.fnUntraced(function* <Granted>(acquisition: Acquisition<Granted>, scope: Scope.Scope) {
      let sentAt = 0
      let everyReplyArrived = true
      let mayHold = false
      let remaining = Effect.succeed<Duration.Duration>(Duration.infinity)

      const tryOnce = Effect.flatMap(MonotonicClock.millis, (now) => {
        sentAt = now
        mayHold = true
        return acquisition.tryOnce
      }).pipe(
        Effect.tapBoth({
          onSuccess: (answer) =>
            Effect.sync(() => {
              mayHold = answer._tag === "Right" || !everyReplyArrived
            }),
          onFailure: (error) =>
            Effect.sync(() => {
              if (isNotSent(error)) mayHold = !everyReplyArrived
              else everyReplyArrived = false
            })
        })
      )
      // the outcome of the first try stays unknown, whatever the outcome of the second
      const tryOrRetry = Effect.catchIf(tryOnce, isOutcomeUnknown, (lost) => Effect.mapError(tryOnce, () => lost))

      const release = Effect.catchAll(acquisition.release, (error) =>
        Effect.logDebug(`"${acquisition.key}" was not released and ends with its time to live: ${error.message}`)
      )

      // before the first try: its reply may be lost, and its caller interrupted
      const end = Effect.suspend(() => {
        if (!mayHold) return Effect.void
        // a lost lease is released where possible, but its caller does not wait for that
        return Effect.flatMap(remaining, (left) => (Duration.isZero(left) ? Effect.forkDaemon(release) : release))
      })
      // `Effect.addFinalizer` also carries over the fiber's references, which doubles the cost of an uncontended lock
      yield* Scope.addFinalizer(scope, Effect.uninterruptible(end))
      const granted = yield* observed(acquisition.kind, waiting.acquire({ ...acquisition, tryOnce: tryOrRetry }), scope)
      // an interruption must not leave the renewal running between its start and the finalizer that stops it
      const lease = yield* Effect.uninterruptible(
        LeaseRenewal.start({ ...acquisition, sentAt, fork, reconnections }, scope)
      )
      remaining = lease.remaining
      return [lease, granted] as const
    })
  }
}

/**
 * The effect to run while a lock is held, or a function that makes it from the held lock.
 *
 * @since 0.1.0
 * @category models
 */
export type Body<Given, A, E, R> = Effect.Effect<A, E, R> | ((given: Given) => Effect.Effect<A, E, R>)

/**
 * The value that a body is given, and the leases that it depends on.
 *
 * @since 0.1.0
 * @category models
 */
export interface Acquired<out Given> {
  readonly given: Given
  readonly leases: Iterable<Lease.Lease>
}

/**
 * Runs a body while its leases are held, and releases them when the body ends, fails or is interrupted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const holding =
  <Given, E1>(acquire: (scope: Scope.Scope) => Effect.Effect<Acquired<Given>, E1>) =>
  <A, E, R>(body: Body<Given, A, E, R>): Effect.Effect<A, E | E1 | LockLost, R> =>
    Effect.acquireUseRelease(
      // not `Effect.scoped`: a scope that the body requires is its caller's
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
