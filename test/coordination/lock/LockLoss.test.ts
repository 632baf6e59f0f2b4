/** A lock is lost when its holder cannot be certain of it any more: the body is interrupted, and fails with the reason. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as LockScripts from "../../../src/coordination/lock/LockScripts.js"
import { body, isHeld, lost, options, world } from "../../support/coordination/LockWorld.js"
import { pass, settle, until } from "../../support/until.js"

describe("a lock that is held", () => {
  it.scoped("interrupts the fibers that the body has forked when it is released or lost", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const ended = yield* Ref.make(0)
      const child = Effect.onInterrupt(Effect.never, () => Ref.update(ended, (n) => n + 1))
      const forking = Effect.zipLeft(Effect.fork(child), Effect.yieldNow())
      yield* lock.withLock("it", options)(forking)
      expect(yield* Ref.get(ended)).toBe(1)
      const fiber = yield* Effect.fork(
        Effect.exit(lock.withLock("it", options)(Effect.zipRight(forking, Effect.never)))
      )
      yield* settle
      yield* server.direct.del("lock:it")
      yield* pass("4 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* Ref.get(ended)).toBe(2)
    })
  )

  it.scoped("is lost before its time to live ends when Redis stays away", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const { interrupted, run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      yield* connection.cut
      yield* pass("8990 millis")
      expect(yield* interrupted).toBe(false)
      yield* pass("10 millis")
      expect(yield* interrupted).toBe(true)
      expect(yield* isHeld(server.direct)).toBe(true)
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Unproven")))
    })
  )

  it.scoped("counts its time from the request, not from the reply", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const { interrupted, run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      const answer = yield* Effect.succeed(connection.holdReplies(LockScripts.extend.name))
      // asked at 3.34 s, answered at 8 s
      yield* pass("8 seconds")
      yield* answer
      yield* settle
      yield* connection.cut
      yield* pass("4300 millis")
      expect(yield* interrupted).toBe(false)
      yield* pass("100 millis")
      expect(yield* interrupted).toBe(true)
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Unproven")))
    })
  )

  it.scoped("is not granted by a reply that took longer than its time to live", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const answer = connection.holdReplies(LockScripts.acquire.name)
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(Effect.dieMessage("the body ran"))))
      yield* pass("9 seconds")
      yield* answer
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Unproven")))
    })
  )

  it.scoped("is lost without waiting for a server that hangs", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const { run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      const letExtended = connection.holdReplies(LockScripts.extend.name)
      const letReleased = connection.holdReplies(LockScripts.release.name)
      yield* pass("9 seconds")
      expect(yield* Fiber.poll(fiber)).toEqual(Option.some(Exit.succeed(Exit.fail(lost("Unproven")))))
      yield* Effect.zipRight(letExtended, letReleased)
    })
  )

  it.scoped("is lost when another caller holds it, and that caller keeps it", () =>
    Effect.gen(function* () {
      const { lock, other, server } = yield* world
      const { interrupted, run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      yield* server.direct.del("lock:it")
      expect(Option.isSome(yield* other.acquireLock("it", "1 minute"))).toBe(true)
      yield* pass("4 seconds")
      expect(yield* interrupted).toBe(true)
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("TakenOver")))
      expect(yield* isHeld(server.direct)).toBe(true)
    })
  )

  it.scoped("is lost when it is no longer in Redis", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const { run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      yield* server.direct.del("lock:it")
      yield* pass("4 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* isHeld(server.direct)).toBe(false)
    })
  )

  it.scoped("is lost at the reconnection to a server that has lost its data", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const { run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      yield* settle
      yield* connection.cut
      yield* server.direct.flushDb
      yield* connection.restore
      // no time passes
      yield* until("it is lost", () => Effect.map(Fiber.poll(fiber), Option.isSome))
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Gone")))
    })
  )

  it.scoped("reports for how long it is certain, which is zero once it is lost", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const held = Option.getOrThrow(yield* lock.tryAcquire("it", options))
      const remaining = Effect.map(held.remaining, Duration.toMillis)
      expect(yield* remaining).toBe(9_000)
      yield* settle
      yield* connection.cut
      yield* pass("2 seconds")
      expect(yield* remaining).toBe(7_000)
      yield* connection.restore
      yield* settle
      expect(yield* remaining).toBe(9_000)
      yield* connection.cut
      // the clock leaps, as it does for a program that was suspended
      yield* TestClock.adjust("1 minute")
      expect(yield* remaining).toBe(0)
      expect(yield* Effect.exit(held.whileHeld(Effect.dieMessage("it ran")))).toEqual(Exit.fail(lost("Unproven")))
    })
  )
})
