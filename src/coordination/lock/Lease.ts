/**
 * A lock or permit that is held for now.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { LockLost } from "./LockError.js"

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
