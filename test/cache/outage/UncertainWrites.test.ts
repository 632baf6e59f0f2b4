/** Writes whose outcome an outage leaves open: they end as invalidations, and never arrive later. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { RedisServerError, RedisTimeout } from "../../../src/redis/RedisError.js"
import { hits, processes, read } from "../../support/cache/CacheProcesses.js"
import type * as CacheWorld from "../../support/cache/CacheWorld.js"
import * as Executors from "../../support/faults/Executors.js"
import { settle } from "../../support/until.js"

describe("a cache after an outage", () => {
  // with `revalidate` every entry is looked up again, which would hide the work of the outbox
  const trust = { outage: { after: "trust" } } as const

  it.scoped("keeps a clear, a set and an update that were not acknowledged as invalidations", () =>
    Effect.gen(function* () {
      const writes = [
        (cache: CacheWorld.Cache) => cache.clear,
        (cache: CacheWorld.Cache) => cache.set("a", 2),
        (cache: CacheWorld.Cache) => cache.update("a", Effect.succeed(2))
      ]
      for (const write of writes) {
        for (const applied of [true, false]) {
          const { database, one, other } = yield* processes({ a: 1 }, trust)
          yield* one.cache.get("a")
          if (applied) one.connection.loseReplies(true)
          else one.connection.failWith(new RedisTimeout({ command: "", waitedMillis: 1000 }))
          database.rows.set("a", 2)
          // a set of unknown outcome returns only when it can no longer arrive
          yield* Effect.raceFirst(
            Effect.asVoid<unknown, unknown, never>(write(one.cache)),
            Effect.forever(TestClock.adjust("100 millis"))
          )
          one.connection.loseReplies(false)
          one.connection.failWith(undefined)
          // a later write, by a process whose messages arrive
          database.rows.set("a", 3)
          yield* other.cache.invalidate("a")
          yield* hits(one.cache)
          expect((yield* read(one.cache))[1]).toBe(3)
          expect((yield* read(other.cache))[1]).toBe(3)
        }
      }
    })
  )

  it.scoped("keeps a set that reached the server past its deadline as an invalidation", () =>
    Effect.gen(function* () {
      const { cache, database, one } = yield* processes({ a: 1 })
      const { redis } = one.connection
      const fork = yield* FiberSet.makeRuntime()
      const slow = Executors.replacing(redis, ({ unsafeScript }) => ({
        unsafeScript: (script, input, onReply) => {
          const send = Effect.sync(() => unsafeScript(script, input, onReply))
          fork(script.name === "cache.set" ? Effect.delay(send, "300 millis") : send)
        }
      }))
      const own = yield* Effect.provideService(cache(), RedisClient, slow)
      yield* settle
      yield* one.cache.set("a", 1)
      database.rows.set("a", 2)
      const setting = yield* Effect.fork(own.set("a", 2))
      yield* settle
      yield* TestClock.adjust("300 millis")
      expect(yield* Fiber.join(setting)).toBe(false)
      expect((yield* read(own))[1]).toBe(2)
    })
  )

  it.scoped("returns from a set whose reply was lost when the set can no longer arrive", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1 })
      one.connection.loseReplies(true)
      const setting = yield* Effect.fork(one.cache.set("a", 2))
      yield* settle
      yield* TestClock.adjust("499 millis")
      yield* settle
      expect(yield* Fiber.poll(setting)).toEqual(Option.none())
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(setting)).toBe(false)
    })
  )

  it.scoped("invalidates the key of an update whose Begin has failed", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      yield* one.cache.get("a")
      one.connection.reject("cache.begin", new RedisServerError({ code: "OOM", detail: "no memory", command: "" }))
      database.rows.set("a", 2)
      expect(yield* one.cache.update("a", Effect.succeed(2))).toBe(2)
      expect(yield* read(other.cache)).toEqual(["Lookup", 2, undefined])
    })
  )

  it.scoped("ends the lease of an update whose value may not be stored", () =>
    Effect.gen(function* () {
      const { database, lease, one, other, server } = yield* processes(
        { a: 1 },
        { timeToLive: (value) => (value === 2 ? 0 : "1 minute") }
      )
      yield* one.cache.get("a")
      database.rows.set("a", 2)
      expect(yield* one.cache.update("a", Effect.succeed(2))).toBe(2)
      expect(yield* server.direct.get(lease("a"))).toEqual(Option.none())
      expect(yield* read(other.cache)).toEqual(["Lookup", 2, undefined])
    })
  )

  it.scoped("returns from an interrupted set only when the set can no longer arrive", () =>
    Effect.gen(function* () {
      const { cache, one } = yield* processes({ a: 1 })
      const { redis } = one.connection
      const hung = Executors.replacing(redis, ({ unsafeScript }) => ({
        unsafeScript: (script, input, onReply) => {
          if (script.name !== "cache.set") unsafeScript(script, input, onReply)
        }
      }))
      const own = yield* Effect.provideService(cache(), RedisClient, hung)
      const setting = yield* Effect.fork(own.set("a", 2))
      yield* settle
      yield* Fiber.interruptFork(setting)
      yield* settle
      yield* TestClock.adjust("499 millis")
      yield* settle
      expect(yield* Fiber.poll(setting)).toEqual(Option.none())
      yield* TestClock.adjust("1 millis")
      expect(Exit.isInterrupted(yield* Fiber.await(setting))).toBe(true)
    })
  )

  it.scoped("keeps an invalidation whose caller was interrupted while it was sent", () =>
    Effect.gen(function* () {
      const { cache, one } = yield* processes({ a: 1 })
      const { redis } = one.connection
      const hung: RedisClient.Service = {
        ...redis,
        run: (script) => (script.name === "cache.invalidate" ? () => Effect.never : redis.run(script))
      }
      const own = yield* Effect.provideService(cache(), RedisClient, hung)
      const invalidating = yield* Effect.fork(own.invalidate("a"))
      yield* settle
      expect((yield* own.stats).outbox).toBe(0)
      yield* Fiber.interrupt(invalidating)
      expect((yield* own.stats).outbox).toBe(1)
    })
  )
})
