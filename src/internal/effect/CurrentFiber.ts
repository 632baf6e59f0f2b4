/**
 * The fiber that runs now. `Fiber.getCurrentFiber` answers the same in an `Option`, which it makes for each call.
 *
 * @internal
 */
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/** Where Effect 3 keeps the fiber that runs now. Where a release keeps it elsewhere, `Fiber.getCurrentFiber` is called. */
const current = globalThis as { readonly "effect/FiberCurrent"?: Fiber.RuntimeFiber<unknown, unknown> | null }

/** The fiber that runs now; undefined outside of fibers. */
export const get = (): Fiber.RuntimeFiber<unknown, unknown> | undefined =>
  current["effect/FiberCurrent"] ?? Option.getOrUndefined(Fiber.getCurrentFiber())
