import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as HashSet from "effect/HashSet"
import * as FiberInterruption from "../../../src/internal/effect/FiberInterruption.js"

/** Interrupts a body in the name of each id. The fiber then runs `after`, and continues where it may be interrupted. */
const interrupted = (ids: ReadonlyArray<FiberId.FiberId>, after: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const waits = yield* Deferred.make<void>()
    const body = Effect.zipRight(Deferred.succeed(waits, undefined), Effect.never)
    const fiber = yield* Effect.fork(
      Effect.uninterruptibleMask((restore) =>
        Effect.exit(restore(body)).pipe(
          Effect.zipRight(Effect.suspend(() => after)),
          Effect.zipRight(restore(Effect.zipRight(Effect.yieldNow(), Effect.succeed("continued"))))
        )
      )
    )
    yield* Deferred.await(waits)
    for (const id of ids) fiber.unsafeInterruptAsFork(id)
    return yield* Fiber.await(fiber)
  })

describe("an interruption of a fiber", () => {
  const [own, other] = [FiberId.unsafeMake(), FiberId.unsafeMake()]

  it.effect("ends the fiber where it may be interrupted again", () =>
    Effect.gen(function* () {
      expect(Exit.isInterrupted(yield* interrupted([own], Effect.void))).toBe(true)
    })
  )

  it.effect("does not end the fiber after it is taken back", () =>
    Effect.gen(function* () {
      expect(yield* interrupted([own], FiberInterruption.withdraw(own))).toEqual(Exit.succeed("continued"))
    })
  )

  it.effect("stays when another one is taken back, and alone is the cause of the end", () =>
    Effect.gen(function* () {
      const exit = yield* interrupted([own, other], FiberInterruption.withdraw(own))
      const cause = Exit.isFailure(exit) ? exit.cause : Cause.empty
      expect(Array.from(Cause.interruptors(cause))).toContainEqual(other)
      expect(HashSet.has(Cause.interruptors(cause), own)).toBe(false)
    })
  )
})

describe("the children of a fiber", () => {
  it.effect("are the fibers that it has forked and that still run", () =>
    Effect.gen(function* () {
      const children = Effect.withFiberRuntime<ReadonlyArray<unknown> | undefined>((fiber) => {
        const found = FiberInterruption.childrenOf(fiber)
        return Effect.succeed(found === undefined ? undefined : Array.from(found))
      })
      const seen = yield* Effect.fork(
        Effect.gen(function* () {
          const before = yield* children
          const child = yield* Effect.fork(Effect.never)
          yield* Effect.forkDaemon(Effect.void)
          const during = yield* children
          yield* Fiber.interrupt(child)
          yield* Effect.yieldNow()
          return { before, child, during, after: yield* children }
        })
      )
      const { after, before, child, during } = yield* Fiber.join(seen)
      expect(before).toEqual([])
      expect(during).toEqual([child])
      expect(after).toEqual([])
    })
  )
})
