/**
 * An effect that is answered by a callback, at the least cost: what `Effect.async` makes of its argument in the end,
 * without the objects and closures that it needs for cancelling, which are half of what a suspension costs.
 *
 * It is written against how Effect 3 represents an asynchronous operation. A test compares it with `Effect.async`.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as FiberId from "effect/FiberId"

type Register<A, E> = (resume: (exit: Effect.Effect<A, E>) => void) => void

class Callback<A, E> extends Effectable.Class<A, E> {
  /** by which the runtime takes it for what it is, and never commits it */
  readonly _op = "Async"
  readonly effect_instruction_i0: Register<A, E>
  readonly effect_instruction_i1 = FiberId.none

  constructor(register: Register<A, E>) {
    super()
    this.effect_instruction_i0 = register
  }

  commit(): Effect.Effect<A, E> {
    return this
  }
}

/**
 * Waits until `resume` is called, at once or later; only the first call counts. An interrupted fiber does not wait, and
 * nobody is told: for what needs no cleaning up.
 */
export const make = <A, E = never>(register: Register<A, E>): Effect.Effect<A, E> => new Callback(register)
