/**
 * Fibers that work for more than one caller, such as a lookup that several callers await, or the renewal of a lease.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"

/**
 * Starts a fiber that can be interrupted and is nobody's child. It runs with the context, the FiberRefs and the runtime
 * flags of the place where `fork` was made. The caller's transaction, retry policy, span and log annotations must not
 * govern what others share, and are gone before it ends.
 *
 * @since 0.1.0
 * @category models
 */
export type Fork = <A, E>(
  effect: Effect.Effect<A, E>,
  options?: Pick<Runtime.RunForkOptions, "updateRefs">
) => Fiber.RuntimeFiber<A, E>

/**
 * @since 0.1.0
 * @category constructors
 */
export const fork: Effect.Effect<Fork> = Effect.map(Effect.runtime<never>(), (runtime): Fork => {
  const run = Runtime.runFork(runtime)
  // a layer may be built where nothing can be interrupted
  return (effect, options) => run(Effect.interruptible(effect), options)
})
