/** A wall clock that is set by an hour changes no age, pause or wait of a cache. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { runFor } from "../../support/faults/ScriptedDriver.js"
import { eachWay } from "../../support/JumpingClock.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { pass, settle } from "../../support/until.js"

const test = (
  name: string,
  body: (jump: Effect.Effect<void>) => Effect.Effect<void, unknown, RedisClient | Scope.Scope>
) => it.scoped(name, () => eachWay((jump) => Effect.provide(body(jump), onMemory)))

const opened = (world: CacheWorld.CacheWorld, settings: CacheWorld.Settings = {}) =>
  world.cache(settings).pipe(Effect.zipLeft(settle), Effect.zipLeft(TestClock.adjust("1 second")))

const read = (cache: CacheWorld.Cache, id = "a") =>
  Effect.map(cache.getResult(id), ({ source, value }) => [source, value] as const)

describe("a wall clock that is set by an hour", () => {
  test("makes no value older or younger", (jump) =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { timeToLive: "1 minute" })
      const own = yield* opened(world)
      yield* own.get("a")
      world.database.rows.set("a", 2)
      yield* jump
      yield* TestClock.adjust("59999 millis")
      expect(yield* read(own)).toEqual(["Redis", 1])
      yield* TestClock.adjust("1 millis")
      expect(yield* read(own)).toEqual(["Lookup", 2])
    }))

  test("does not change how long the local tier keeps a value", (jump) =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { local: { capacity: 10, timeToLive: "10 seconds" } })
      const own = yield* opened(world)
      yield* own.get("a")
      yield* jump
      yield* TestClock.adjust("9999 millis")
      expect((yield* read(own))[0]).toBe("Local")
      yield* TestClock.adjust("1 millis")
      expect((yield* read(own))[0]).toBe("Redis")
    }))

  test("does not change the pause after a failed refresh", (jump) =>
    Effect.gen(function* () {
      const world = CacheWorld.make(
        { a: 1 },
        { timeToLive: "1 second", staleFor: "1 day", refresh: { pause: "10 seconds" } }
      )
      const { database } = world
      const own = yield* opened(world)
      yield* own.get("a")
      yield* TestClock.adjust("1 minute")
      database.rows.delete("a")
      expect(yield* read(own)).toEqual(["Stale", 1])
      yield* settle
      yield* jump
      yield* TestClock.adjust("9999 millis")
      expect(yield* read(own)).toEqual(["Stale", 1])
      yield* settle
      expect(database.lookups()).toBe(2)
      yield* TestClock.adjust("1 millis")
      yield* read(own)
      yield* settle
      expect(database.lookups()).toBe(3)
    }))

  test("does not change how long a caller waits for another's lookup", (jump) =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 })
      const started = yield* Deferred.make<void>()
      const slow = yield* opened(world, {
        lookup: () => Effect.zipRight(Deferred.succeed(started, undefined), Effect.never)
      })
      const own = yield* opened(world, { lease: { maxWait: "5 seconds" } })
      yield* Effect.forkScoped(slow.get("a"))
      yield* Deferred.await(started)
      const reading = yield* Effect.fork(own.get("a"))
      yield* runFor(1_000)
      yield* jump
      yield* runFor(3_800)
      expect(world.database.lookups()).toBe(0)
      yield* runFor(400)
      expect(yield* Fiber.join(reading)).toBe(1)
    }))

  test("does not move the deadline of a set", (jump) =>
    Effect.gen(function* () {
      const world = CacheWorld.make({})
      const own = yield* opened(world)
      yield* jump
      expect(yield* own.set("a", 1)).toBe(true)
      expect(yield* read(own)).toEqual(["Redis", 1])
    }))

  test("does not end the lease of a running lookup", (jump) =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 })
      const started = yield* Deferred.make<void>()
      const slow = yield* opened(world, {
        lease: { timeToLive: "6 seconds" },
        lookup: () => Effect.as(Effect.zipRight(Deferred.succeed(started, undefined), Effect.sleep("30 seconds")), 7)
      })
      const own = yield* opened(world, { lease: { maxWait: "1 minute" } })
      const looking = yield* Effect.fork(slow.get("a"))
      yield* Deferred.await(started)
      yield* runFor(2_500)
      yield* jump
      yield* pass("25 seconds")
      const reading = yield* Effect.fork(own.get("a"))
      yield* runFor(3_000)
      expect([yield* Fiber.join(looking), yield* Fiber.join(reading), world.database.lookups()]).toEqual([7, 7, 0])
    }))
})
