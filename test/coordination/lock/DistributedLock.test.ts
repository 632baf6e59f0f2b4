import { describe, effect, expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as LockScripts from "../../../src/coordination/lock/LockScripts.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { type RedisError, RedisTimeout, RedisUnavailable } from "../../../src/redis/RedisError.js"
import { age, onEveryLayer, onMemory } from "../../support/server/clientLayers.js"

/** Locks on a client whose replies to `acquire` pass through `reply`, after the server has done its part. */
const withReplies = (reply: (asked: number) => Effect.Effect<void, RedisError>) =>
  Effect.gen(function* () {
    const client = yield* RedisClient
    let asked = 0
    const faulty: RedisClient.Service = {
      ...client,
      run: (script) => {
        const run = client.run(script)
        return script.name === LockScripts.acquire.name
          ? (input) =>
              Effect.zipLeft(
                run(input),
                Effect.suspend(() => reply(++asked))
              )
          : run
      }
    }
    return yield* Effect.provideService(DistributedLock.make, RedisClient, faulty)
  })

const lost = new RedisTimeout({ command: "EVALSHA", waitedMillis: 1_000 })
const away = new RedisUnavailable({ reason: "Disconnected" })
const options = { timeToLive: "1 minute", maxWait: "20 seconds" } as const
const once = { timeToLive: "1 minute", maxWait: 0 } as const

const isFree = (key: string) =>
  Effect.flatMap(RedisClient, (client) => Effect.map(client.get(`lock:${key}`), Option.isNone))

describe("a distributed lock", () => {
  onEveryLayer((it) => {
    it.effect("is granted to one caller alone until it is released", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const token = Option.getOrThrow(yield* lock.acquireLock("one", "1 minute"))
        expect(yield* lock.acquireLock("one", "1 minute")).toEqual(Option.none())
        expect(yield* lock.releaseLock("one", token)).toBe(true)
        expect(Option.isSome(yield* lock.acquireLock("one", "1 minute"))).toBe(true)
      })
    )

    it.effect("is granted to one of many callers at once", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const asked = yield* Effect.replicateEffect(lock.acquireLock("many", "1 minute"), 100, {
          concurrency: "unbounded"
        })
        expect(asked.filter(Option.isSome)).toHaveLength(1)
      })
    )

    it.effect("is held with others whose keys lie in several slots, all or none", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const keys = Array.from({ length: 12 }, (_, i) => `several:${i}`)
        const tokens = yield* lock.withLocks(
          keys,
          options
        )((held) =>
          Effect.gen(function* () {
            for (const key of keys) expect(yield* lock.acquireLock(key, "1 minute")).toEqual(Option.none())
            return held.map(({ fencingToken }) => fencingToken)
          })
        )
        expect(tokens.every((token) => token > 0)).toBe(true)
        for (const key of keys) expect(yield* isFree(key)).toBe(true)

        yield* lock.acquireLock("several:5", "1 minute")
        const failure = yield* Effect.flip(lock.withLocks(keys, once)(Effect.dieMessage("the body ran")))
        expect(failure).toEqual(new DistributedLock.LockNotAcquired({ key: "several:5" }))
        for (const key of keys) expect(yield* isFree(key)).toBe(key !== "several:5")
      })
    )

    it.effect("expires after its time to live, and its late holder cannot release the next holder's lock", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const late = Option.getOrThrow(yield* lock.acquireLock("late", "1 minute"))
        yield* age("lock:late", 60_000)
        const next = Option.getOrThrow(yield* lock.acquireLock("late", "1 minute"))
        expect(yield* lock.releaseLock("late", late)).toBe(false)
        expect(yield* lock.acquireLock("late", "1 minute")).toEqual(Option.none())
        expect(yield* lock.releaseLock("late", next)).toBe(true)
        expect(yield* lock.releaseLock("late", next)).toBe(false)
      })
    )

    it.effect("runs one body at a time, and every body in the end", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const inside = yield* Ref.make(0)
        const body = Effect.gen(function* () {
          const others = yield* Ref.getAndUpdate(inside, (n) => n + 1)
          yield* (yield* RedisClient).incr("lock:test:bodies")
          yield* Ref.update(inside, (n) => n - 1)
          return others
        })
        const others = yield* Effect.replicateEffect(lock.withLock("turns", options)(body), 20, {
          concurrency: "unbounded"
        })
        expect(others).toEqual(Array.from({ length: 20 }, () => 0))
        expect(yield* isFree("turns")).toBe(true)
      })
    )

    it.effect("is released when the body succeeds, fails or is interrupted", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const locked = lock.withLock("given-back", once)
        expect(yield* locked(isFree("given-back"))).toBe(false)
        expect(yield* isFree("given-back")).toBe(true)

        expect(yield* Effect.flip(locked(Effect.fail("the body's own")))).toBe("the body's own")
        expect(yield* isFree("given-back")).toBe(true)

        const running = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(locked(Effect.zipRight(Deferred.succeed(running, undefined), Effect.never)))
        yield* Deferred.await(running)
        expect(yield* isFree("given-back")).toBe(false)
        yield* Fiber.interrupt(fiber)
        expect(yield* isFree("given-back")).toBe(true)
      })
    )

    it.effect("leaves the next holder's lock alone when the body outlived its own", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const next = yield* lock.withLock(
          "outlived",
          once
        )(Effect.zipRight(age("lock:outlived", 60_000), lock.acquireLock("outlived", "1 minute")))
        expect(Option.isSome(next)).toBe(true)
        expect(yield* isFree("outlived")).toBe(false)
      })
    )

    it.effect("does not run the body while another caller holds the lock", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        yield* lock.acquireLock("kept", "1 minute")
        const ran = yield* Ref.make(false)
        const error = yield* Effect.flip(lock.withLock("kept", once)(Ref.set(ran, true)))
        expect(error).toMatchObject({ _tag: "LockNotAcquired", key: "kept" })
        expect(yield* Ref.get(ran)).toBe(false)
        expect(yield* isFree("kept")).toBe(false)
      })
    )

    it.effect("waits until the holder releases it", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const rejected = yield* Deferred.make<void>()
        const watched = yield* withReplies(() => Effect.asVoid(Deferred.succeed(rejected, undefined)))
        const token = Option.getOrThrow(yield* lock.acquireLock("wait", "1 minute"))
        const waiter = yield* Effect.fork(watched.withLock("wait", options)(Effect.succeed("my turn")))
        yield* Deferred.await(rejected)
        yield* lock.releaseLock("wait", token)
        expect(yield* Fiber.join(waiter)).toBe("my turn")
      })
    )

    it.effect("is not blocked by its own lock when the reply that granted it was lost", () =>
      Effect.gen(function* () {
        const losingOne = withReplies((n) => (n === 1 ? Effect.fail(lost) : Effect.void))
        const token = yield* (yield* losingOne).acquireLock("lost:acquire", "1 minute")
        expect(Option.isSome(token)).toBe(true)

        const lock = yield* losingOne
        const runs = yield* Ref.make(0)
        yield* lock.withLock("lost:with", options)(Ref.update(runs, (n) => n + 1))
        expect(yield* Ref.get(runs)).toBe(1)
        expect(yield* isFree("lost:with")).toBe(true)
      })
    )

    it.effect("waits for Redis to return when a lost reply may have granted the lock", () =>
      Effect.gen(function* () {
        const lock = yield* withReplies((n) => (n === 1 ? Effect.fail(lost) : n <= 3 ? Effect.fail(away) : Effect.void))
        expect(yield* lock.withLock("lost:away", options)(Effect.succeed("done"))).toBe("done")
        expect(yield* isFree("lost:away")).toBe(true)
      })
    )

    it.effect("fails at once when Redis is away, without running the body", () =>
      Effect.gen(function* () {
        const asked = yield* Ref.make(0)
        const lock = yield* withReplies((n) => Effect.zipRight(Ref.set(asked, n), Effect.fail(away)))
        const exit = yield* Effect.exit(lock.withLock("away", options)(Effect.dieMessage("the body ran")))
        expect(exit).toEqual(Exit.fail(away))
        expect(yield* Ref.get(asked)).toBe(1)
      })
    )

    it.effect("is released when no reply ever confirms that it was granted", () =>
      Effect.gen(function* () {
        const lock = yield* withReplies(() => Effect.fail(lost))
        expect(yield* Effect.flip(lock.acquireLock("silent", "1 minute"))).toEqual(lost)
        expect(yield* isFree("silent")).toBe(true)
        expect(yield* Effect.flip(lock.withLock("silent", once)(Effect.void))).toEqual(lost)
        expect(yield* isFree("silent")).toBe(true)
      })
    )

    it.effect("is released when its caller is interrupted before the granting reply arrives", () =>
      Effect.gen(function* () {
        const interruptOnceGranted = <A, E>(
          attempt: (lock: DistributedLock.DistributedLock.Service) => Effect.Effect<A, E>
        ) =>
          Effect.gen(function* () {
            const granted = yield* Deferred.make<void>()
            const lock = yield* withReplies(() => Effect.zipRight(Deferred.succeed(granted, undefined), Effect.never))
            const fiber = yield* Effect.fork(attempt(lock))
            yield* Deferred.await(granted)
            expect(yield* isFree("way")).toBe(false)
            yield* Fiber.interrupt(fiber)
            expect(yield* isFree("way")).toBe(true)
          })
        yield* interruptOnceGranted((lock) => lock.acquireLock("way", "1 minute"))
        yield* interruptOnceGranted((lock) => lock.withLock("way", options)(Effect.void))
      })
    )

    it.effect("runs a body once, also when the body fails with an error for which an acquisition is repeated", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        const runs = yield* Ref.make(0)
        const body = Effect.zipRight(
          Ref.update(runs, (n) => n + 1),
          Effect.fail(lost)
        )
        expect(yield* Effect.flip(lock.withLock("body", options)(body))).toEqual(lost)
        expect(yield* Ref.get(runs)).toBe(1)
      })
    )

    it.effect("rejects an empty key, a time to live that no server keeps, and a maxWait below 0", () =>
      Effect.gen(function* () {
        const lock = yield* DistributedLock.make
        for (const key of ["", "a\nb", "x".repeat(600)]) {
          expect(yield* Effect.flip(lock.acquireLock(key, "1 minute"))).toMatchObject({ _tag: "InvalidKey" })
          expect(yield* Effect.flip(lock.withLock(key, once)(Effect.void))).toMatchObject({ _tag: "InvalidKey" })
        }
        const rejected = yield* Effect.either(lock.acquireLock("wrong", 0))
        expect(Either.flip(rejected)).toMatchObject({ right: { _tag: "InvalidArgument" } })
        for (const maxWait of [-1, Number.NaN, "-1 seconds" as Duration.DurationInput]) {
          for (const held of [
            lock.withLock("wrong", { ...once, maxWait }),
            lock.withLocks(["wrong"], { ...once, maxWait })
          ]) {
            expect(yield* Effect.flip(held(Effect.dieMessage("the body ran")))).toMatchObject({
              _tag: "InvalidArgument",
              argument: "maxWait",
              value: typeof maxWait === "string" ? '"-1 seconds"' : String(maxWait)
            })
          }
        }
        expect(yield* isFree("wrong")).toBe(true)
      })
    )
  })
})

// `effect` and not `it.effect`: `layer` replaces the methods of the `it` that the whole file shares
describe("waiting for a lock", () => {
  effect("ends when the caller's patience does, neither sooner nor later", () =>
    Effect.gen(function* () {
      const lock = yield* DistributedLock.make
      yield* lock.acquireLock("patience", "1 hour")
      const waiter = yield* Effect.fork(Effect.flip(lock.withLock("patience", options)(Effect.void)))
      yield* TestClock.adjust("19999 millis")
      expect(Option.isNone(yield* Fiber.poll(waiter))).toBe(true)
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.poll(waiter)).toMatchObject({ value: { value: { _tag: "LockNotAcquired" } } })
    }).pipe(Effect.provide(onMemory))
  )

  effect("asks a last time when patience ends", () =>
    Effect.gen(function* () {
      const lock = yield* DistributedLock.make
      yield* lock.acquireLock("last", "20 seconds")
      const waiter = yield* Effect.fork(lock.withLock("last", options)(Effect.succeed("my turn")))
      yield* TestClock.adjust("20 seconds")
      expect(yield* Fiber.join(waiter)).toBe("my turn")
    }).pipe(Effect.provide(onMemory))
  )

  effect("asks seldom while another keeps the lock for long", () =>
    Effect.gen(function* () {
      const asked = yield* Ref.make(0)
      const lock = yield* withReplies((n) => Ref.set(asked, n))
      yield* lock.acquireLock("seldom", "1 hour")
      yield* Effect.fork(lock.withLock("seldom", options)(Effect.void))
      yield* TestClock.adjust("20 seconds")
      expect(yield* Ref.get(asked)).toBeLessThan(250)
      expect(yield* Ref.get(asked)).toBeGreaterThan(50)
    }).pipe(Effect.provide(onMemory))
  )
})
