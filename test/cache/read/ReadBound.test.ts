/** One call may demand a young value, or one that does not come from the memory of the process. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import { processes } from "../../support/cache/CacheProcesses.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { NotFound } from "../../support/cache/TestDatabase.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { settle, until } from "../../support/until.js"

const test = (name: string, body: () => Effect.Effect<void, unknown, RedisClient | Scope.Scope>) =>
  it.scoped(name, () => Effect.provide(body(), onMemory))

/** A cache whose subscription is active, and whose first values are newer than its marker. */
const opened = (world: CacheWorld.CacheWorld, settings: CacheWorld.Settings = {}) =>
  world.cache(settings).pipe(Effect.zipLeft(settle), Effect.zipLeft(TestClock.adjust("1 second")))

const read = (cache: CacheWorld.Cache, options: TypedCache.ReadOptions = {}, id = "a") =>
  Effect.map(cache.getResult(id, options), ({ source, value }) => [source, value] as const)

const local = { local: { capacity: 10, timeToLive: "1 hour" }, timeToLive: "1 hour" } as const
const young = { maxAge: "5 seconds" } as const

describe("a read with maxAge", () => {
  for (const [tier, settings] of [
    ["Redis", { timeToLive: "1 hour" }],
    ["Local", local]
  ] as const) {
    test(`has a younger value from ${tier}, and looks an older one up, for every caller of every process`, () =>
      Effect.gen(function* () {
        const world = CacheWorld.make({ a: 1 }, settings)
        const { database } = world
        const [own, other] = [yield* opened(world), yield* opened(world)]
        yield* own.get("a")
        database.rows.set("a", 2)
        yield* TestClock.adjust("4999 millis")
        expect(yield* read(own, young)).toEqual([tier, 1])
        expect(yield* own.get("a", young)).toBe(1)
        yield* TestClock.adjust("1 millis")
        expect(yield* read(own)).toEqual([tier, 1])
        expect(yield* read(own, young)).toEqual(["Lookup", 2])
        expect(yield* read(own, young)).toEqual([tier, 2])
        expect(yield* read(other, { maxAge: "1 second" })).toEqual(["Redis", 2])
        expect(database.lookups()).toBe(2)
      }))
  }

  test("has the younger value of another process where its own local one is too old, and keeps it", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, local)
      const [own, other] = [yield* opened(world), yield* opened(world)]
      yield* own.get("a")
      world.database.rows.set("a", 2)
      yield* TestClock.adjust("10 seconds")
      yield* other.get("a", young)
      expect(yield* read(own)).toEqual(["Local", 1])
      expect(yield* read(own, young)).toEqual(["Redis", 2])
      expect(yield* read(own)).toEqual(["Local", 2])
      expect(world.database.lookups()).toBe(2)
    }))

  test("shares one lookup with all concurrent callers that accept its value", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, local)
      const { database } = world
      const own = yield* opened(world)
      yield* own.get("a")
      database.rows.set("a", 2)
      yield* TestClock.adjust("10 seconds")
      database.hold()
      const first = yield* Effect.fork(Effect.replicateEffect(own.get("a", young), 100, { concurrency: "unbounded" }))
      yield* database.begun(2)
      yield* TestClock.adjust("4 seconds")
      const later = yield* Effect.fork(read(own, young))
      yield* settle
      database.release()
      expect(new Set(yield* Fiber.join(first))).toEqual(new Set([2]))
      expect((yield* Fiber.join(later))[1]).toBe(2)
      expect(database.lookups()).toBe(2)
    }))

  test("does not have the value of a lookup that began too long ago, and shares the next one", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { lease: { timeToLive: "1 hour" } })
      const { database } = world
      const own = yield* opened(world)
      database.hold()
      const slow = yield* Effect.fork(own.get("a"))
      yield* database.begun(1)
      yield* TestClock.adjust("6 seconds")
      database.rows.set("a", 2)
      const strict = yield* Effect.fork(Effect.replicateEffect(own.get("a", young), 10, { concurrency: "unbounded" }))
      yield* settle
      database.release()
      expect(yield* Fiber.join(slow)).toBe(1)
      yield* Effect.raceFirst(
        until("the next lookup has begun", () => database.lookups() === 2),
        Effect.forever(TestClock.adjust("100 millis"))
      )
      expect(new Set(yield* Fiber.join(strict))).toEqual(new Set([2]))
      expect(database.lookups()).toBe(2)
    }))

  test("does not have the value of another process's lookup that began too long ago", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { lease: { timeToLive: "1 hour" } })
      const { database } = world
      const [own, other] = [yield* opened(world), yield* opened(world)]
      database.hold()
      const slow = yield* Effect.fork(other.get("a"))
      yield* database.begun(1)
      const waiting = yield* Effect.fork(own.get("a"))
      yield* settle
      yield* TestClock.adjust("6 seconds")
      database.rows.set("a", 2)
      // it joins the flight that waits for the other process
      const strict = yield* Effect.fork(own.get("a", young))
      yield* settle
      database.release()
      const answers = Effect.all([Fiber.join(slow), Fiber.join(waiting), Fiber.join(strict)])
      expect(yield* Effect.raceFirst(answers, Effect.forever(TestClock.adjust("100 millis")))).toEqual([1, 1, 2])
      expect(database.lookups()).toBe(2)
    }))

  test("fails when its lookup fails, although an older value is there for other callers", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { ...local, timeToLive: "1 minute", staleFor: "1 hour" })
      const own = yield* opened(world)
      yield* own.get("a")
      world.database.rows.delete("a")
      yield* TestClock.adjust("10 seconds")
      expect(yield* Effect.flip(own.get("a", young))).toEqual(new NotFound({ id: "a" }))
      expect(yield* read(own)).toEqual(["Local", 1])
      yield* TestClock.adjust("2 minutes")
      expect(yield* Effect.flip(own.get("a", young))).toEqual(new NotFound({ id: "a" }))
      expect(yield* own.getOption("a", young)).toEqual(Option.none())
      expect(yield* read(own, { maxAge: "1 hour" })).toEqual(["Stale", 1])
    }))

  test("lets its lookup answer that a value of too great an age has not changed", () =>
    Effect.gen(function* () {
      const { cache } = CacheWorld.make({}, { timeToLive: "1 hour" })
      let transfers = 0
      const own = yield* cache({
        lookup: (_, previous) =>
          Effect.sync(() =>
            previous._tag === "Some" ? TypedCache.notModified : TypedCache.versioned(++transfers, "v1")
          )
      })
      yield* Effect.zipRight(settle, TestClock.adjust("1 second"))
      yield* own.get("a")
      yield* TestClock.adjust("10 seconds")
      expect(yield* read(own, young)).toEqual(["Lookup", 1])
      expect(yield* read(own, young)).toEqual(["Redis", 1])
    }))

  test("reads many keys, and looks up those that are too old", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1, b: 1 }, local)
      const { database } = world
      const own = yield* opened(world)
      yield* own.get("a")
      yield* TestClock.adjust("10 seconds")
      yield* own.get("b")
      for (const id of ["a", "b"]) database.rows.set(id, 2)
      expect(yield* own.getMany(["a", "b"], young)).toEqual([2, 1])
      expect(yield* own.getMany(["a", "b"], { maxAge: 0, mode: "either" })).toMatchObject([{ right: 2 }, { right: 2 }])
    }))

  test("ignores the place that Effect.forEach passes beside the key", () =>
    Effect.gen(function* () {
      for (const settings of [{}, local]) {
        const own = yield* opened(CacheWorld.make({ a: 1, b: 2 }, settings))
        for (let i = 0; i < 2; i++) {
          expect(yield* Effect.forEach(["a", "b"], own.get)).toEqual([1, 2])
          expect(yield* Effect.forEach(["a", "b"], own.getResult)).toHaveLength(2)
        }
      }
    }))

  test("dies of a time that cannot be right, with its name", () =>
    Effect.gen(function* () {
      const { cache, name } = CacheWorld.make({ a: 1 })
      const own = yield* cache()
      const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        own.get("a", { maxAge: -1 }),
        own.getOption("a", { maxAge: -1 }),
        own.getMany(["a"], { maxAge: -1 })
      ]
      for (const call of calls) {
        const defect = yield* Effect.flip(Effect.sandbox(call))
        expect(String(defect)).toContain(`of TypedCache "${name}": option \`maxAge\``)
      }
    }))
})

describe("a read with maxAge during an outage", () => {
  it.scoped("has a young local value, and looks an older one up without Redis", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 }, local)
      const { cache, connection } = one
      yield* CacheWorld.inLocalTier(cache, "a")
      yield* Effect.zipRight(connection.cut, settle)
      // what is read now is read without Redis, and is kept in memory
      expect(yield* read(cache)).toEqual(["Local", 1])
      database.rows.set("a", 2)
      yield* TestClock.adjust("10 seconds")
      expect(yield* read(cache, { maxAge: "1 minute" })).toEqual(["Local", 1])
      expect(yield* read(cache, young)).toEqual(["Degraded", 2])
      expect(yield* read(cache, young)).toEqual(["Local", 2])
      expect(database.lookups()).toBe(2)
    })
  )
})

describe("a read past the local tier", () => {
  test("has what Redis holds, and keeps it", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, local)
      const own = yield* opened(world)
      yield* own.get("a")
      expect(yield* read(own)).toEqual(["Local", 1])
      expect(yield* read(own, { local: false })).toEqual(["Redis", 1])
      expect(yield* own.getMany(["a"], { local: false })).toEqual([1])
      expect(Option.map(yield* own.getOption("a", { local: false }), ({ source }) => source)).toEqual(
        Option.some("Redis")
      )
      expect(yield* own.stats).toMatchObject({ hitsLocal: 1, hitsRedis: 3, lookups: 1 })
      expect(yield* read(own)).toEqual(["Local", 1])
    }))
})
