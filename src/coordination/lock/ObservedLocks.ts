/**
 * The listener of the locks and semaphores of this process.
 *
 * @since 0.2.0
 */
import type * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
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
 * Times one acquisition, and what it holds.
 *
 * @since 0.2.0
 * @category models
 */
export interface ObservedAcquisition {
  readonly acquired: () => void
  readonly failed: (cause: Cause.Cause<LockNotAcquired | RedisError>) => void
  readonly released: () => void
}

/**
 * Begins to time an acquisition; undefined without a listener.
 *
 * @since 0.2.0
 * @category constructors
 */
export const observe = (kind: LockKind, clock: Clock.Clock): ObservedAcquisition | undefined => {
  const { listener } = observedLocks
  if (listener === undefined) return undefined
  let since = MonotonicClock.unsafeMillis(clock)
  const passed = () => {
    const before = since
    since = MonotonicClock.unsafeMillis(clock)
    return since - before
  }
  return {
    acquired: () => listener.onAcquisition(kind, "Acquired", passed()),
    failed: (cause) => {
      // an interrupted acquisition is neither
      if (cause._tag !== "Fail") return
      listener.onAcquisition(kind, cause.error._tag === "LockNotAcquired" ? "Held" : "Failed", passed())
    },
    released: () => listener.onRelease(kind, passed())
  }
}
