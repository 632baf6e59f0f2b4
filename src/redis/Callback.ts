/**
 * Effects that are answered by a callback, at the least cost: what `Effect.async` makes of its argument in the end,
 * without the objects and closures that it needs for cancelling, which are half of what a suspension costs.
 *
 * It is written against how Effect 3 represents an asynchronous operation and a fiber that waits for one. A test compares it
 * with `Effect.async`.
 *
 * @internal
 */
import type * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"

type Resume<A, E> = (effect: Effect.Effect<A, E>) => void
type Register<A, E> = (resume: Resume<A, E>) => void

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

/** What is looked at of a fiber. Where a release of Effect has it no more, fibers are resumed as ever. */
interface Waiting<A, E> {
  readonly _running?: boolean
  readonly _queue?: { readonly length: number }
  /** what it is to be resumed by; nothing where it must not be interrupted */
  _asyncInterruptor?: Resume<A, E> | null
  _asyncBlockingOn?: FiberId.FiberId | null
  readonly currentScheduler?: Scheduler.Scheduler
  readonly start?: (effect: Effect.Effect<A, E>) => void
}

/** Where Effect keeps what `Fiber.getCurrentFiber` answers, which it wraps anew each time. */
const current = globalThis as { readonly "effect/FiberCurrent"?: Fiber.RuntimeFiber<unknown, unknown> | null }

const currentFiber = (): Fiber.RuntimeFiber<unknown, unknown> =>
  current["effect/FiberCurrent"] ?? Option.getOrThrow(Fiber.getCurrentFiber())

/** What a fiber's observer has thrown is no matter of who resumes it: it is thrown where the scheduler would have. */
const throwLater = (defect: unknown): void =>
  queueMicrotask(() => {
    throw defect
  })

/**
 * As `make`, but the fiber goes on within the call of `resume` if it can: to have its scheduler called costs as much as the
 * rest of a suspension. Whoever resumes must therefore be done with his own state, since the fiber may come back to him.
 *
 * It does so where the fiber waits for this answer and nothing else has happened to it, and where its scheduler is the
 * one that every program has; elsewhere it is resumed as ever.
 */
export const makeInTurn = <A, E = never>(
  register: (resume: Resume<A, E>, caller: Fiber.RuntimeFiber<unknown, unknown>) => void
): Effect.Effect<A, E> =>
  new Callback<A, E>((resume) => {
    const caller = currentFiber()
    const fiber = caller as Waiting<A, E>
    let isTold = false
    register((effect) => {
      if (isTold) return
      isTold = true
      if (
        fiber._asyncInterruptor !== resume ||
        fiber._running !== false ||
        fiber._queue?.length !== 0 ||
        fiber.currentScheduler !== Scheduler.defaultScheduler ||
        fiber.start === undefined
      ) {
        return resume(effect)
      }
      fiber._asyncInterruptor = null
      fiber._asyncBlockingOn = null
      try {
        fiber.start(effect)
      } catch (defect) {
        throwLater(defect)
      }
    }, caller)
  })
