/**
 * A lock or permit that is held for now.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { HeldLease } from "./LeaseRenewal.js"
import type { LockLost } from "./LockError.js"
import * as LossInterruption from "./LossInterruption.js"

/**
 * A lease is renewed in the background until it is lost or released.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lease {
  /** the key as the caller named it */
  readonly key: string
  /**
   * Returns for how long the lease is certain without another reply of Redis; zero when it is lost. Sends nothing. Check it
   * before a step that cannot be undone: a program that was suspended resumes where it stopped.
   */
  readonly remaining: Effect.Effect<Duration.Duration>
  /** Fails when the lease is lost, and never succeeds. */
  readonly lost: Effect.Effect<never, LockLost>
  /** Runs an effect and interrupts it with `LockLost` when the lease is lost. Does not start it when the lease is lost already. */
  readonly whileHeld: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LockLost, R>
}

/**
 * What a holder sees of its lease.
 *
 * @since 0.2.0
 * @category constructors
 */
export const of = (held: HeldLease): Lease => ({
  key: held.name,
  remaining: Effect.map(MonotonicClock.millis, (now) => Duration.millis(held.remainingAt(now))),
  lost: Effect.interruptible(
    Effect.async<never, LockLost>((resume) => {
      const listener = { onLoss: (loss: LockLost) => resume(Effect.fail(loss)) }
      held.addListener(listener)
      return Effect.sync(() => held.removeListener(listener))
    })
  ),
  whileHeld: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(MonotonicClock.millis, (now) => {
        const loss = held.lossAt(now)
        if (loss !== undefined) return Exit.fail(loss)
        return Effect.withFiberRuntime<A, E | LockLost, R>((caller) =>
          LossInterruption.run(caller, restore, effect, held, (exit) => exit)
        )
      })
    )
})

/**
 * The effect to run while a lock is held, or a function that makes it from the held lock.
 *
 * @since 0.1.0
 * @category models
 */
export type Body<Given, A, E, R> = Effect.Effect<A, E, R> | ((given: Given) => Effect.Effect<A, E, R>)
