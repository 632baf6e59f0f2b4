/**
 * Makes effects that a callback completes, at the least cost. They are the operation that `Effect.async` ends in, without the
 * objects and closures for its interruption, which are half of the cost of a suspension.
 *
 * It is written against how Effect 3 represents an asynchronous operation and a fiber that waits for one. The module checks
 * once, when it is loaded, that the running Effect still does so, and otherwise uses `Effect.async`.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Scheduler from "effect/Scheduler"
import * as Utils from "effect/Utils"
import * as CurrentFiber from "./CurrentFiber.js"

type Resume<A, E> = (effect: Effect.Effect<A, E>) => void
type Register<A, E> = (resume: Resume<A, E>) => void

/** The iterator of a yielded effect: first it yields the effect, then it returns the answer. One object is all of that. */
class Yielded<A, E> {
  done = false
  value: unknown = this
  private isYielded = false

  constructor(private readonly effect: Effect.Effect<A, E>) {}

  next(answer: unknown): this {
    if (this.isYielded) {
      this.done = true
      this.value = answer
    }
    this.isYielded = true
    return this
  }

  [Utils.YieldWrapTypeId](): Effect.Effect<A, E> {
    return this.effect
  }
}

class Callback<A, E> extends Effectable.Class<A, E> {
  /** by which the runtime takes it for what it is, and never commits it */
  declare readonly _op: "Async"
  declare readonly effect_instruction_i1: FiberId.FiberId
  readonly effect_instruction_i0: Register<A, E>

  static {
    // the same for all, and so not written into each
    void Object.assign(Callback.prototype, { _op: "Async", effect_instruction_i1: FiberId.none })
  }

  constructor(register: Register<A, E>) {
    super()
    this.effect_instruction_i0 = register
  }

  commit(): Effect.Effect<A, E> {
    return this
  }

  override [Symbol.iterator](): Effect.EffectGenerator<Effect.Effect<A, E>> {
    return new Yielded(this) as unknown as Effect.EffectGenerator<Effect.Effect<A, E>>
  }
}

/** What is looked at of a fiber. Where a release of Effect has it no more, fibers are resumed as ever. */
interface WaitingFiber<A, E> {
  readonly _running?: boolean
  readonly _queue?: { readonly length: number }
  /** what it is to be resumed by; nothing where it must not be interrupted */
  _asyncInterruptor?: Interruptor<A, E> | null
  readonly isInterrupted?: () => boolean
  _asyncBlockingOn?: FiberId.FiberId | null
  readonly currentScheduler?: Scheduler.Scheduler
  readonly start?: (effect: Effect.Effect<A, E>) => void
}

/** By which an interruption resumes a fiber: the fiber's own way, or one of `onInterrupt`, which calls it. */
interface Interruptor<A, E> extends Resume<A, E> {
  own?: Resume<A, E>
}

/** Throws a defect of a fiber's observer outside of the call that resumes the fiber, where the scheduler would throw it. */
const throwLater = (defect: unknown): void =>
  queueMicrotask(() => {
    throw defect
  })

/** A fiber's own way to be resumed, which it takes within the call if it can. */
const within = <A, E>(resume: Resume<A, E>, caller: Fiber.RuntimeFiber<unknown, unknown>): Resume<A, E> => {
  const fiber = caller as WaitingFiber<A, E>
  // a fiber that must not be interrupted waits for nothing else before this answer
  const mayLeave = fiber._asyncInterruptor === resume
  let isTold = false
  return (effect) => {
    if (isTold) return
    isTold = true
    const interruptor = fiber._asyncInterruptor
    if (
      (mayLeave && interruptor !== resume && interruptor?.own !== resume) ||
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
  }
}

/** See `onInterrupt`. */
const hooked = (caller: Fiber.RuntimeFiber<unknown, unknown>, listener: () => void): boolean => {
  const fiber = caller as WaitingFiber<unknown, unknown>
  if (fiber.isInterrupted?.() !== false) return false
  const own = fiber._asyncInterruptor
  if (own === null || own === undefined) return true
  const interruptor: Interruptor<unknown, unknown> = (exit) => {
    listener()
    own(exit)
  }
  interruptor.own = own
  fiber._asyncInterruptor = interruptor
  return true
}

/** `of` is what the operation is about, given on as it is. */
type RegisterInTurn<Of, A, E> = (resume: Resume<A, E>, caller: Fiber.RuntimeFiber<unknown, unknown>, of: Of) => void

class InTurn<Of, A, E> extends Callback<A, E> {
  constructor(register: RegisterInTurn<Of, A, E>, of: Of) {
    super((resume) => {
      const caller = CurrentFiber.get()
      if (caller === undefined) throw new Error("no fiber runs")
      register(within(resume, caller), caller, of)
    })
  }
}

/** Whether a fiber ended with 42. `mayWait` allows one that a scheduler has yet to resume. */
const isAnswered = (fiber: Fiber.RuntimeFiber<number>, mayWait: boolean): boolean => {
  const exit = fiber.unsafePoll()
  return exit === null ? mayWait : Exit.isSuccess(exit) && exit.value === 42
}

/** Whether the running Effect treats these objects as it treats `Effect.async`: one run for each way to wait. */
const isSupported = (): boolean => {
  try {
    const scheduler = new Scheduler.ControlledScheduler()
    let resume: Resume<number, never> = () => {}
    const waits = new Callback<number, never>((given) => {
      resume = given
    })
    const fiber = Effect.runFork(
      Effect.gen(function* () {
        return yield* waits
      }),
      { scheduler }
    )
    scheduler.step()
    if (fiber.unsafePoll() !== null) return false
    resume(Exit.succeed(42))
    scheduler.step()
    if (!isAnswered(fiber, false)) return false

    const inTurn = Effect.runFork(
      new InTurn<void, number, never>((given) => {
        resume = given
      }, undefined)
    )
    if (inTurn.unsafePoll() !== null) return false
    resume(Exit.succeed(42))
    if (!isAnswered(inTurn, true)) return false

    let heard = 0
    const interrupted = Effect.runFork(
      new InTurn<void, number, never>((_, caller) => {
        if (!hooked(caller, () => heard++)) heard = Number.NaN
      }, undefined),
      { scheduler }
    )
    scheduler.step()
    interrupted.unsafeInterruptAsFork(FiberId.none)
    scheduler.step()
    const exit = interrupted.unsafePoll()
    return heard === 1 && exit !== null && Exit.isInterrupted(exit)
  } catch {
    return false
  }
}

/**
 * Whether the objects of this module are used. False where a release of Effect has changed: `Effect.async` is used then.
 */
export const isNative: boolean = isSupported()

/**
 * Waits until `resume` is called, at once or later; only the first call counts. An interrupted fiber does not wait, and
 * runs no finalizer: for work that needs no cleaning up.
 */
export const make: <A, E = never>(register: Register<A, E>) => Effect.Effect<A, E> = isNative
  ? (register) => new Callback(register)
  : (register) => Effect.async((resume) => register(resume))

/**
 * Like `makeInTurn`, for an operation on a value: it needs no closure for each value.
 */
export const inTurnOf: <Of, A, E>(register: RegisterInTurn<Of, A, E>) => (of: Of) => Effect.Effect<A, E> = isNative
  ? (register) => (of) => new InTurn(register, of)
  : (register) => (of) => Effect.withFiberRuntime((caller) => Effect.async((resume) => register(resume, caller, of)))

/**
 * Like `make`, but the fiber continues within the call of `resume` if it can. A task of the scheduler costs as much as the
 * rest of a suspension. The code that calls `resume` must have updated its own state, since the fiber may call it again.
 *
 * It does so where the fiber waits for this answer and nothing else has happened to it, and where its scheduler is the
 * default one. Elsewhere its scheduler resumes it.
 */
export const makeInTurn = <A, E = never>(register: RegisterInTurn<void, A, E>): Effect.Effect<A, E> =>
  inTurnOf(register)(undefined)

/**
 * Calls a listener when the fiber is interrupted, before the fiber continues. The fiber must wait in an effect of `inTurnOf` that
 * has not been resumed. The listener may also be called after the resumption, if the interruption came before it. Answers false
 * where the fiber waits no more, or where the running Effect does not support it: nothing is called then.
 */
export const onInterrupt: (caller: Fiber.RuntimeFiber<unknown, unknown>, listener: () => void) => boolean = isNative
  ? hooked
  : () => false
