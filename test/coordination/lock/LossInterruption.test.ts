/** A loss interrupts the body of a lock and nothing else of its caller, though the body runs on its caller's fiber. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import { body, lost, options, world } from "../../support/coordination/LockWorld.js"
import { pass, settle } from "../../support/until.js"

/** A lock, and what takes it from its holder. The holder notices the loss within four seconds. */
const losing = Effect.map(world, ({ lock, server }) => ({
  lock,
  lose: (key = "it") => Effect.zipRight(server.direct.del(`lock:${key}`), pass("4 seconds"))
}))

const mark = FiberRef.unsafeMake("unset")

/** An effect that succeeds after a pause, which an interruption would end. */
const goesOn = Effect.as(Effect.sleep("1 second"), "continued")

const catchLoss = <A, E>(effect: Effect.Effect<A, E | DistributedLock.LockLost>) =>
  Effect.catchIf(
    effect,
    (error): error is DistributedLock.LockLost => (error as { readonly _tag?: string })._tag === "LockLost",
    () => goesOn
  )

describe("a caller whose lock is lost", () => {
  it.scoped("continues after it has caught the loss, and can be interrupted as before", () =>
    Effect.gen(function* () {
      const { lock, lose } = yield* losing
      const fiber = yield* Effect.fork(
        Effect.zip(catchLoss(lock.withLock("it", options)(Effect.never)), Effect.exit(Effect.interruptible(goesOn)))
      )
      yield* settle
      yield* lose()
      yield* pass("2 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(["continued", Exit.succeed("continued")])

      const later = yield* Effect.fork(
        Effect.zipRight(catchLoss(lock.withLock("it", options)(Effect.never)), Effect.never)
      )
      yield* settle
      yield* lose()
      yield* pass("2 seconds")
      expect(yield* Fiber.poll(later)).toEqual(Option.none())
      expect(Exit.isInterrupted(yield* Fiber.interrupt(later))).toBe(true)
    })
  )

  it.scoped("keeps the fibers that it has forked before the body, and the FiberRefs that the body has set", () =>
    Effect.gen(function* () {
      const { lock, lose } = yield* losing
      const ended = yield* Ref.make<ReadonlyArray<string>>([])
      const child = (name: string) =>
        Effect.onInterrupt(Effect.never, () => Ref.update(ended, (names) => [...names, name]))
      const run = (before: Effect.Effect<unknown>) =>
        Effect.gen(function* () {
          yield* before
          const outcome = yield* catchLoss(
            lock.withLock(
              "it",
              options
            )(
              Effect.zipRight(
                FiberRef.set(mark, "set"),
                Effect.zipRight(Effect.fork(child("the body's")), Effect.never)
              )
            )
          )
          return [outcome, yield* FiberRef.get(mark), yield* Ref.get(ended)] as const
        })
      for (const before of [Effect.void, Effect.zipLeft(Effect.fork(child("the caller's")), Effect.yieldNow())]) {
        yield* Ref.set(ended, [])
        const fiber = yield* Effect.fork(run(before))
        yield* settle
        yield* lose()
        yield* pass("2 seconds")
        expect(yield* Fiber.join(fiber)).toEqual(["continued", "set", ["the body's"]])
      }
    })
  )

  it.scoped("ends interrupted when it is interrupted while the body still cleans up", () =>
    Effect.gen(function* () {
      const { lock, lose } = yield* losing
      const cleaning = Effect.onInterrupt(Effect.never, () => Effect.sleep("5 seconds"))
      const fiber = yield* Effect.fork(catchLoss(lock.withLock("it", options)(cleaning)))
      yield* settle
      yield* lose()
      yield* Fiber.interruptFork(fiber)
      yield* pass("6 seconds")
      expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
    })
  )

  it.scoped("has the bodies of inner locks interrupted with the body of the outer one, and all of them released", () =>
    Effect.gen(function* () {
      const { lock, lose } = yield* losing
      const { interrupted, run, running } = yield* body
      const inner = Effect.exit(lock.withLock("inner", options)(run))
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(Effect.zipRight(inner, Effect.never))))
      yield* running
      yield* lose()
      expect(yield* interrupted).toBe(true)
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Gone")))
      expect(Option.isSome(yield* lock.acquireLock("inner", "1 second"))).toBe(true)
    })
  )

  it.scoped("runs the outer body on when only the inner lock is lost", () =>
    Effect.gen(function* () {
      const { lock, lose } = yield* losing
      const outer = lock.withLock("outer", options)(catchLoss(lock.withLock("it", options)(Effect.never)))
      const fiber = yield* Effect.fork(outer)
      yield* settle
      yield* lose()
      yield* pass("2 seconds")
      expect(yield* Fiber.join(fiber)).toBe("continued")
    })
  )
})

describe("a body that has ended", () => {
  it.scoped("keeps its result though the lock is lost later, and waits for the fibers that it has forked", () =>
    Effect.gen(function* () {
      const { lock, lose } = yield* losing
      const cleaned = yield* Ref.make(false)
      const child = Effect.onInterrupt(Effect.never, () =>
        Effect.zipRight(Effect.sleep("1 second"), Ref.set(cleaned, true))
      )
      const fiber = yield* Effect.fork(
        Effect.zip(
          Effect.zipRight(
            lock.withLock("it", options)(Effect.zipRight(Effect.fork(child), Effect.yieldNow())),
            Ref.get(cleaned)
          ),
          Effect.as(Effect.sleep("1 minute"), "done")
        )
      )
      yield* settle
      yield* lose()
      yield* pass("1 minute")
      expect(yield* Fiber.join(fiber)).toEqual([true, "done"])
    })
  )
})
