/**
 * An interruption of a fiber that ends before the fiber does. Effect's API offers it only for a fiber that is forked for it, which
 * costs as much as an uncontended lock.
 *
 * @internal
 */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"

type Caller = Fiber.RuntimeFiber<unknown, unknown>

/** What Effect 3 has and does not declare. */
interface WithChildren {
  readonly getChildren?: () => ReadonlySet<Caller>
}

/** The fibers that a fiber has forked and that still run; undefined where a release of Effect does not show them. */
export const childrenOf = (fiber: Caller): ReadonlySet<Caller> | undefined => (fiber as WithChildren).getChildren?.()

/**
 * Takes back the interruptions of the running fiber that were sent in the name of an id. Others of the same fiber stay. Run it one
 * step after the last one may have been sent: a fiber takes what was sent to it between two steps.
 */
export const withdraw = (by: FiberId.FiberId): Effect.Effect<void> =>
  FiberRef.update(FiberRef.interruptedCause, (cause) => without(cause, by))

const without = (cause: Cause.Cause<never>, by: FiberId.FiberId): Cause.Cause<never> => {
  const others = Cause.reduceWithContext(cause, undefined, {
    emptyCase: () => Cause.empty,
    failCase: (_, error) => Cause.fail(error),
    dieCase: (_, defect) => Cause.die(defect),
    interruptCase: (_, fiberId) => (fiberId === by ? Cause.empty : Cause.interrupt(fiberId)),
    sequentialCase: (_, left, right) => Cause.sequential(left, right),
    parallelCase: (_, left, right) => Cause.parallel(left, right)
  })
  return Cause.isEmpty(others) ? Cause.empty : others
}
