/** `withLocks` holds several locks at once. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import { body, lost, options, world } from "../../support/coordination/LockWorld.js"
import { pass } from "../../support/until.js"

describe("withLocks", () => {
  const keys = ["b", "a", "b", "c"] as const

  it.scoped("holds every lock, each with a fencing token, and releases all of them", () =>
    Effect.gen(function* () {
      const { lock, other, server } = yield* world
      const fences = yield* lock.withLocks(
        keys,
        options
      )(([b, a, again, c]) =>
        Effect.gen(function* () {
          expect([b.key, a.key, c.key]).toEqual(["b", "a", "c"])
          expect(again).toBe(b)
          for (const key of keys) expect(Option.isNone(yield* other.acquireLock(key, "1 second"))).toBe(true)
          return [a, b, c].map(({ fencingToken }) => fencingToken)
        })
      )
      expect(fences.every((fence) => fence > 0)).toBe(true)
      for (const key of keys) expect(yield* server.direct.get(`lock:${key}`)).toEqual(Option.none())
    })
  )

  it.scoped("holds none when one of them is not acquired, and names that one", () =>
    Effect.gen(function* () {
      const { lock, other, server } = yield* world
      yield* other.acquireLock("b", "1 minute")
      const error = yield* Effect.flip(lock.withLocks(keys, options)(Effect.dieMessage("the body ran")))
      expect(error).toEqual(new DistributedLock.LockNotAcquired({ key: "b" }))
      expect(yield* server.direct.get("lock:a")).toEqual(Option.none())
      expect(yield* server.direct.get("lock:c")).toEqual(Option.none())
    })
  )

  it.scoped("waits for all of them together no longer than `maxWait`", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      yield* other.acquireLock("a", "4 seconds")
      yield* other.acquireLock("b", "1 minute")
      const fiber = yield* Effect.fork(
        Effect.flip(lock.withLocks(["a", "b"], { timeToLive: "10 seconds", maxWait: "6 seconds" })(Effect.void))
      )
      yield* pass("5990 millis")
      expect(yield* Fiber.poll(fiber)).toEqual(Option.none())
      yield* pass("10 millis")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "LockNotAcquired", key: "b" })
    })
  )

  it.scoped("cannot deadlock, in whatever order its callers name the keys", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      const asked = [
        ["x", "y", "z"],
        ["z", "y", "x"],
        ["y", "z", "x"]
      ]
      const inside = yield* Ref.make(0)
      const exclusive = Effect.gen(function* () {
        expect(yield* Ref.getAndUpdate(inside, (n) => n + 1)).toBe(0)
        yield* Effect.sleep("10 millis")
        yield* Ref.update(inside, (n) => n - 1)
      })
      const fiber = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 30 }, (_, i) => i),
          (i) =>
            (i % 2 === 0 ? lock : other).withLocks(asked[i % 3] ?? [], {
              timeToLive: "10 seconds",
              maxWait: "8 seconds"
            })(exclusive),
          { concurrency: "unbounded", discard: true }
        )
      )
      yield* pass("8 seconds")
      expect(Option.map(yield* Fiber.poll(fiber), Exit.isSuccess)).toEqual(Option.some(true))
    })
  )

  it.scoped("interrupts the body when one of them is lost", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const { run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLocks(["a", "it"], options)(run)))
      yield* running
      yield* server.direct.del("lock:it")
      yield* pass("4 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* server.direct.get("lock:a")).toEqual(Option.none())
    })
  )

  it.scoped("runs the body alone when there are no keys", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      expect(yield* lock.withLocks([], options)(Effect.succeed("done"))).toBe("done")
      expect(connection.commands()).toBe(0)
    })
  )
})
