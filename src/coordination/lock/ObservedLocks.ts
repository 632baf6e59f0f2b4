/**
 * The listener of the locks and semaphores of this process.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as Observed from "../../internal/Observed.js"
import type { RedisError } from "../../redis/RedisError.js"
import type { LockLost, LockNotAcquired } from "./LockError.js"

/**
 * @since 0.2.0
 * @category models
 */
export type LockKind = "lock" | "semaphore"

/**
 * @since 0.2.0
 * @category models
 */
export interface LockListener {
  /** An acquisition has ended after `millis` milliseconds. `Held`: another caller has held the lock for too long. */
  readonly onAcquisition: (kind: LockKind, result: "Acquired" | "Held" | "Failed", millis: number) => void
  /** A lock was held for `millis` milliseconds, and has been released or lost. */
  readonly onRelease: (kind: LockKind, millis: number) => void
  readonly onLoss: (kind: LockKind, reason: LockLost["reason"]) => void
}

/**
 * @since 0.2.0
 * @category getters
 */
export const observedLocks: Observed.Observed<never, LockListener> = Observed.make("locks")

/**
 * Times an acquisition and what it holds until the scope ends. Without a listener it is the acquisition itself.
 *
 * @since 0.2.0
 * @category combinators
 */
export const observed = <Granted, E extends LockNotAcquired | RedisError>(
  kind: LockKind,
  acquisition: Effect.Effect<Granted, E>,
  scope: Scope.Scope
): Effect.Effect<Granted, E> => {
  const { listener } = observedLocks
  if (listener === undefined) return acquisition
  return Effect.gen(function* () {
    const startedAt = yield* MonotonicClock.millis
    const granted = yield* Effect.tapError(acquisition, (error) =>
      Effect.map(MonotonicClock.millis, (now) =>
        listener.onAcquisition(kind, error._tag === "LockNotAcquired" ? "Held" : "Failed", now - startedAt)
      )
    )
    const grantedAt = yield* MonotonicClock.millis
    listener.onAcquisition(kind, "Acquired", grantedAt - startedAt)
    const ended = Effect.map(MonotonicClock.millis, (now) => listener.onRelease(kind, now - grantedAt))
    yield* Scope.addFinalizer(scope, ended)
    return granted
  })
}
