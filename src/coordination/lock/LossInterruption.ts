/**
 * Interrupts a body when the lease that it depends on is lost.
 *
 * A fiber of its own for each body would cost as much as the rest of an uncontended lock. So the body runs on its caller's
 * fiber. A loss interrupts that fiber in the name of an id that nothing else has, and the interruption is taken back where the
 * body ends. The fibers that the body has forked are the children that the caller's fiber has then. A caller that has children
 * already runs the body on a fiber of its own, since an interruption reaches all children.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberInterruption from "../../internal/effect/FiberInterruption.js"
import type { HeldLease, LossListener } from "./LeaseRenewal.js"
import type { LockLost } from "./LockError.js"

type Caller = Fiber.RuntimeFiber<unknown, unknown>

const hasChildren = (fiber: Caller): boolean => (FiberInterruption.childrenOf(fiber)?.size ?? 0) > 0

/** of `Effect.uninterruptibleMask` */
type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** Interrupts a fiber when a lease is lost. */
class Interruption implements LossListener {
  loss: LockLost | undefined
  /** in whose name the fiber was interrupted */
  by: FiberId.FiberId

  constructor(
    readonly lease: HeldLease,
    readonly fiber: Caller
  ) {
    this.loss = undefined
    this.by = FiberId.none
    lease.addListener(this)
  }

  onLoss(loss: LockLost): void {
    if (this.fiber.unsafePoll() !== null) return
    this.loss = loss
    this.by = FiberId.unsafeMake()
    this.fiber.unsafeInterruptAsFork(this.by)
  }

  end(): void {
    this.lease.removeListener(this)
  }
}

/**
 * Runs an effect and interrupts it with `LockLost` when the lease is lost. The fibers that the effect forks end with it.
 *
 * The caller must be uninterruptible, and `restore` is that of its mask. `ended` receives the exit, and is not interrupted.
 *
 * @since 0.2.0
 * @category combinators
 */
export const run = <A, E, R, B, E2, R2>(
  caller: Caller,
  restore: Restore,
  effect: Effect.Effect<A, E, R>,
  lease: HeldLease,
  ended: (exit: Exit.Exit<A, E | LockLost>) => Effect.Effect<B, E2, R2>
): Effect.Effect<B, E2, R | R2> => {
  const before = FiberInterruption.childrenOf(caller)
  // where a release of Effect does not show them, each body runs on a fiber of its own
  if (before === undefined || before.size > 0) return Effect.flatMap(onOwnFiber(restore, effect, lease), ended)

  const interruption = new Interruption(lease, caller)
  const settle = (exit: Exit.Exit<A, E>) => {
    interruption.end()
    return interruption.loss === undefined && !hasChildren(caller)
      ? ended(exit)
      : Effect.zipRight(cleanUp(caller, interruption), ended(exitOf(interruption, exit)))
  }
  return Effect.matchCauseEffect(restore(effect), {
    onSuccess: (value) => settle(Exit.succeed(value)),
    onFailure: (cause) => settle(Exit.failCause(cause))
  })
}

const exitOf = <A, E>({ loss }: Interruption, exit: Exit.Exit<A, E>): Exit.Exit<A, E | LockLost> =>
  loss === undefined ? exit : Exit.fail(loss)

/** Begins one step later, when the fiber has taken an interruption that was sent to it in the meantime. */
const cleanUp = (caller: Caller, { by }: Interruption): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.zipRight(
      Fiber.interruptAll(Array.from(FiberInterruption.childrenOf(caller) ?? [])),
      FiberInterruption.withdraw(by)
    )
  )

const onOwnFiber = <A, E, R>(
  restore: Restore,
  effect: Effect.Effect<A, E, R>,
  lease: HeldLease
): Effect.Effect<Exit.Exit<A, E | LockLost>, never, R> =>
  Effect.flatMap(Effect.fork(restore(effect)), (fiber) => {
    const interruption = new Interruption(lease, fiber)
    return Effect.matchCauseEffect(restore(Fiber.await(fiber)), {
      onSuccess: (exit) => {
        interruption.end()
        // the FiberRefs that the body has set are visible to its caller
        return Effect.as(Fiber.inheritAll(fiber), exitOf(interruption, exit))
      },
      onFailure: (cause) => {
        interruption.end()
        return Effect.as(Fiber.interrupt(fiber), Exit.failCause(cause))
      }
    })
  })
