/**
 * Interrupts a body when the lease that it depends on is lost.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as FiberRefs from "effect/FiberRefs"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Callback from "../../internal/effect/Callback.js"

/**
 * Runs an effect and interrupts it with the loss that `onLoss` reports. The effect has a fiber of its own, so the fibers that it
 * forks end with it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const interruptOn = <A, E, R, Loss>(
  effect: Effect.Effect<A, E, R>,
  onLoss: (listener: (loss: Loss) => void) => () => void
): Effect.Effect<A, E | Loss, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.runtime<R>(), (runtime) => {
      let refsBefore: FiberRefs.FiberRefs | undefined
      const fiber = Runtime.runFork(runtime)(
        Effect.withFiberRuntime<A, E, R>((self) => {
          refsBefore = self.getFiberRefs()
          return restore(effect)
        })
      )
      let lost: Option.Option<Loss> = Option.none()
      const forget = onLoss((loss) => {
        if (fiber.unsafePoll() !== null) return
        lost = Option.some(loss)
        fiber.unsafeInterruptAsFork(FiberId.none)
      })
      const ended = Callback.make<Exit.Exit<A, E>>((resume) => fiber.addObserver((exit) => resume(Exit.succeed(exit))))
      return Effect.matchCauseEffect(restore(ended), {
        onSuccess: (exit) => {
          forget()
          const outcome: Effect.Effect<A, E | Loss> = Option.isSome(lost) ? Effect.fail(lost.value) : exit
          // the FiberRefs that the body has set are visible to its caller
          return fiber.getFiberRefs() === refsBefore ? outcome : Effect.zipRight(fiber.inheritAll, outcome)
        },
        onFailure: (cause) => {
          forget()
          return Effect.zipRight(Fiber.interrupt(fiber), Effect.failCause(cause))
        }
      })
    })
  )
