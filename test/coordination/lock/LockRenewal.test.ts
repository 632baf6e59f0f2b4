/** A lock is renewed while its holder runs, and released with it. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as LockScripts from "../../../src/coordination/lock/LockScripts.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { RedisTimeout } from "../../../src/redis/RedisError.js"
import { body, isHeld, lost, options, world } from "../../support/coordination/LockWorld.js"
import { pass, settle } from "../../support/until.js"

describe("a lock that is held", () => {
  it.scoped("is renewed for as long as the body runs, however short its time to live", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      const fiber = yield* Effect.fork(lock.withLock("it", options)(Effect.as(Effect.sleep("1 minute"), "done")))
      for (let second = 1; second < 60; second++) {
        yield* TestClock.adjust("1 second")
        expect(Option.isNone(yield* other.acquireLock("it", "1 second"))).toBe(true)
      }
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toBe("done")
      expect(Option.isSome(yield* other.acquireLock("it", "1 second"))).toBe(true)
    })
  )

  it.scoped("is renewed in time beside others, whose time to live is longer or shorter", () =>
    Effect.gen(function* () {
      const { connection, lock, other } = yield* world
      const lives = ["1 hour", "100 millis", "10 seconds", "300 millis"] as const
      const held = yield* Effect.forEach(lives, (timeToLive, i) =>
        Effect.fork(lock.withLock(`it:${i}`, { timeToLive, maxWait: 0 })(Effect.as(Effect.sleep("20 seconds"), i)))
      )
      for (let round = 0; round < 20; round++) {
        yield* pass("990 millis")
        for (const i of lives.keys()) expect(Option.isNone(yield* other.acquireLock(`it:${i}`, "1 second"))).toBe(true)
      }
      yield* pass("200 millis")
      expect(yield* Fiber.join(Fiber.all(held))).toEqual([0, 1, 2, 3])
      const commands = connection.commands()
      yield* pass("1 minute")
      expect(connection.commands()).toBe(commands)
    })
  )

  it.scoped("ends the renewal that is under way when the body ends", () =>
    Effect.gen(function* () {
      const { connection } = yield* world
      const renewals = { begun: 0, interrupted: 0 }
      const hanging = Effect.onInterrupt(
        Effect.suspend(() => {
          renewals.begun++
          return Effect.never
        }),
        () => Effect.sync(() => renewals.interrupted++)
      )
      const lock = yield* Effect.provideService(DistributedLock.make, RedisClient, {
        ...connection.redis,
        run: (script) => (script.name === LockScripts.extend.name ? () => hanging : connection.redis.run(script))
      })
      const fiber = yield* Effect.fork(lock.withLock("it", options)(Effect.as(Effect.sleep("4 seconds"), "done")))
      yield* pass("3900 millis")
      expect(renewals).toEqual({ begun: 1, interrupted: 0 })
      yield* pass("100 millis")
      expect(yield* Fiber.join(fiber)).toBe("done")
      expect(renewals).toEqual({ begun: 1, interrupted: 1 })
    })
  )

  it.scoped("is no longer renewed once the body has ended, failed, died or was interrupted", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const long = Effect.sleep("15 seconds")
      for (const run of [long, Effect.zipRight(long, Effect.fail("no")), Effect.zipRight(long, Effect.die("no"))]) {
        const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
        yield* pass("16 seconds")
        yield* Fiber.join(fiber)
        const commands = connection.commands()
        expect(yield* isHeld(server.direct)).toBe(false)
        yield* pass("1 minute")
        expect(connection.commands()).toBe(commands)
      }
      const interrupted = yield* Effect.fork(lock.withLock("it", options)(Effect.never))
      yield* pass("15 seconds")
      yield* Fiber.interrupt(interrupted)
      const commands = connection.commands()
      expect(yield* isHeld(server.direct)).toBe(false)
      yield* pass("1 minute")
      expect(connection.commands()).toBe(commands)
    })
  )

  it.scoped("survives outages of half its time to live, whenever they begin", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const fiber = yield* Effect.fork(lock.withLock("it", options)(Effect.as(Effect.sleep("40 seconds"), "done")))
      for (const sinceThen of [0, 1_100, 2_300, 3_100, 3_330]) {
        yield* pass(Math.max(1, sinceThen))
        if (sinceThen % 200 === 100) connection.failWith(new RedisTimeout({ command: "EVALSHA", waitedMillis: 1_000 }))
        else yield* connection.cut
        yield* pass("5 seconds")
        yield* connection.restore
        yield* settle
        expect(yield* isHeld(server.direct)).toBe(true)
      }
      yield* pass("8 seconds")
      expect(yield* Fiber.join(fiber)).toBe("done")
    })
  )

  it.scoped("is renewed soon after a failed renewal, though the connection stands", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const fiber = yield* Effect.fork(lock.withLock("it", options)(Effect.as(Effect.sleep("15 seconds"), "done")))
      yield* pass("3 seconds")
      connection.failWith(new RedisTimeout({ command: "EVALSHA", waitedMillis: 1_000 }))
      yield* pass("5 seconds")
      connection.failWith(undefined)
      yield* pass("8 seconds")
      expect(yield* Fiber.join(fiber)).toBe("done")
    })
  )

  it.scoped("is not re-entrant: its own body waits for it until `maxWait` has passed", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const inner = lock.withLock("it", { timeToLive: "10 seconds", maxWait: "3 seconds" })(
        Effect.dieMessage("the body ran")
      )
      const fiber = yield* Effect.fork(lock.withLock("it", options)(Effect.flip(inner)))
      yield* pass("4 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(new DistributedLock.LockNotAcquired({ key: "it" }))
      expect(yield* isHeld(server.direct)).toBe(false)
    })
  )

  it.scoped("works in an uninterruptible caller, and waits for an uninterruptible part of the body", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const fiber = yield* Effect.fork(
        Effect.uninterruptible(lock.withLock("it", options)(Effect.as(Effect.sleep("15 seconds"), "done")))
      )
      yield* pass("16 seconds")
      expect(yield* Fiber.join(fiber)).toBe("done")
      expect(yield* isHeld(server.direct)).toBe(false)

      const ended = yield* Ref.make(false)
      const stubborn = yield* Effect.fork(
        Effect.exit(
          lock.withLock(
            "it",
            options
          )(Effect.uninterruptible(Effect.zipRight(Effect.sleep("15 seconds"), Ref.set(ended, true))))
        )
      )
      yield* settle
      yield* connection.cut
      yield* pass("14 seconds")
      expect(yield* Fiber.poll(stubborn)).toEqual(Option.none())
      yield* pass("2 seconds")
      expect(yield* Fiber.join(stubborn)).toEqual(Exit.fail(lost("Unproven")))
      expect(yield* Ref.get(ended)).toBe(true)
    })
  )

  it.scoped("leaves the body's own scope to the body's caller", () =>
    Effect.gen(function* () {
      const { lock } = yield* world
      const closed = yield* Ref.make(false)
      const scope = yield* Scope.make()
      yield* lock
        .withLock(
          "it",
          options
        )(Effect.addFinalizer(() => Ref.set(closed, true)))
        .pipe(Scope.extend(scope))
      expect(yield* Ref.get(closed)).toBe(false)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Ref.get(closed)).toBe(true)
    })
  )
})

describe("tryAcquire", () => {
  it.scoped("holds until its scope ends, and tries once when another caller holds the lock", () =>
    Effect.gen(function* () {
      const { connection, lock, other, server } = yield* world
      const scope = yield* Scope.make()
      const held = yield* Scope.extend(lock.tryAcquire("it", options), scope)
      expect(Option.isSome(held)).toBe(true)
      yield* pass("1 minute")
      expect(Option.isNone(yield* other.tryAcquire("it", options))).toBe(true)
      yield* Scope.close(scope, Exit.void)
      expect(yield* isHeld(server.direct)).toBe(false)

      yield* other.acquireLock("it", "1 minute")
      const commands = connection.commands()
      expect(Option.isNone(yield* lock.tryAcquire("it", options))).toBe(true)
      expect(connection.commands()).toBe(commands + 1)
    })
  )

  it.scoped("reports the loss, and interrupts the effects that run while it is held", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const held = Option.getOrThrow(yield* lock.tryAcquire("it", options))
      const { interrupted, run, running } = yield* body
      const bound = yield* Effect.fork(Effect.exit(held.whileHeld(run)))
      const told = yield* Effect.fork(Effect.exit(held.lost))
      yield* running
      yield* server.direct.flushDb
      yield* pass("4 seconds")
      expect(yield* Fiber.join(bound)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* Fiber.join(told)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* interrupted).toBe(true)
    })
  )
})
