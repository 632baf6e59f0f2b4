/** The age of values: fresh, stale, refreshed and expired, in Redis and in the local tier. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { NotFound } from "../../support/cache/TestDatabase.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { settle } from "../../support/until.js"

const test = (name: string, body: () => Effect.Effect<void, unknown, RedisClient | Scope.Scope>) =>
  it.scoped(name, () => Effect.provide(body(), onMemory))

/** A cache whose subscription is active, and whose first values are newer than its marker. */
const opened = (world: CacheWorld.CacheWorld, settings: CacheWorld.Settings = {}) =>
  world.cache(settings).pipe(Effect.zipLeft(settle), Effect.zipLeft(TestClock.adjust("1 second")))

/** The value and the source of one read. */
const read = (cache: CacheWorld.Cache, id = "a") =>
  Effect.map(cache.getResult(id), ({ source, value }) => [source, value] as const)

describe("a value without staleFor", () => {
  test("is served while it is fresh and is a miss from its end on", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { timeToLive: "1 minute" })
      const { database } = world
      const own = yield* opened(world)
      expect(yield* read(own)).toEqual(["Lookup", 1])
      database.rows.set("a", 2)
      yield* TestClock.adjust("59999 millis")
      expect(yield* read(own)).toEqual(["Redis", 1])
      yield* TestClock.adjust("1 millis")
      expect(yield* own.getOption("a")).toEqual(Option.none())
      expect(yield* read(own)).toEqual(["Lookup", 2])
    }))

  test("says how old it is and how long it has to live", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { local: { capacity: 1, timeToLive: "1 minute" } })
      const own = yield* opened(world, { timeToLive: "1 minute" })
      for (const source of ["Lookup", "Local"] as const) {
        const served = yield* own.getResult("a")
        expect(served.source).toBe(source)
        const [age, left] = source === "Lookup" ? [0, 60] : [20, 40]
        expect([Duration.toSeconds(served.age), Duration.toSeconds(served.timeLeft)]).toEqual([age, left])
        yield* TestClock.adjust("20 seconds")
      }
    }))
})

describe("the latency in a cache's statistics", () => {
  test("is how long its lookups and its reads from Redis took", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 })
      const own = yield* opened(world, { lookup: (id) => Effect.delay(world.database.lookup(id), "100 millis") })
      yield* Effect.raceFirst(own.get("a"), Effect.forever(TestClock.adjust("10 millis")))
      yield* own.get("a")
      const { lookupLatency, redisLatency } = yield* own.stats
      expect(lookupLatency).toEqual({ count: 1, mean: 100, p50: 100, p99: 100, max: 100 })
      expect(redisLatency.count).toBe(2)
    }))
})

describe("a value with staleFor", () => {
  const stale = { timeToLive: "1 minute", staleFor: "1 hour", refresh: { pause: "1 second" } } as const

  // a server keeps a value for about 3100 days, and it may be stale for half of them
  for (const [timeToLive, later] of [
    [Duration.minutes(1), Duration.days(1400)],
    [Duration.infinity, Duration.days(2000)]
  ] as const) {
    test(`is stored though it may be stale for ever, with a time to live of ${Duration.format(timeToLive)}`, () =>
      Effect.gen(function* () {
        const world = CacheWorld.make({ a: 1 }, { timeToLive, staleFor: Duration.infinity })
        const { database } = world
        const own = yield* opened(world)
        expect(yield* read(own)).toEqual(["Lookup", 1])
        yield* own.set("a", 2)
        database.rows.set("a", 3)
        expect(yield* read(own)).toEqual(["Redis", 2])
        yield* TestClock.adjust(later)
        expect(yield* read(own)).toEqual(["Stale", 2])
      }))
  }

  test("is served at once when it is stale, while one refresh runs for everyone", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, stale)
      const { database } = world
      const [own, other] = [yield* opened(world), yield* opened(world)]
      yield* own.get("a")
      yield* TestClock.adjust("1 minute")
      database.rows.set("a", 2)
      database.hold()
      for (let i = 0; i < 5; i++) {
        for (const cache of [own, other]) expect(yield* read(cache)).toEqual(["Stale", 1])
        yield* settle
      }
      expect(database.lookups()).toBe(2)
      database.release()
      yield* settle
      expect(yield* read(own)).toEqual(["Redis", 2])
      expect(yield* read(other)).toEqual(["Redis", 2])
      expect(database.lookups()).toBe(2)
    }))

  test("is served stale to the end of a grace that is shorter than its time to live, and not beyond", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 })
      const redis = yield* RedisClient
      const cache = yield* opened(world, { timeToLive: "10 minutes", staleFor: "1 minute" })
      expect(yield* read(cache)).toEqual(["Lookup", 1])
      expect(Option.map(yield* redis.ttl(world.key("a")), Duration.toMinutes)).toEqual(Option.some(11))
      yield* TestClock.adjust("599 seconds")
      expect(yield* read(cache)).toEqual(["Redis", 1])
      world.database.hold()
      yield* TestClock.adjust("30 seconds")
      expect(yield* read(cache)).toEqual(["Stale", 1])
      yield* TestClock.adjust("31 seconds")
      expect(yield* cache.getOption("a")).toEqual(Option.none())
    }))

  test("is served while refreshes fail, which are tried again after a pause and not before", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, stale)
      const { database } = world
      const own = yield* opened(world)
      yield* own.get("a")
      yield* TestClock.adjust("1 minute")
      database.rows.delete("a")
      for (let failures = 1; failures <= 3; failures++) {
        for (let i = 0; i < 10; i++) {
          expect(yield* read(own)).toEqual(["Stale", 1])
          yield* settle
        }
        expect(database.lookups()).toBe(1 + failures)
        yield* TestClock.adjust("1 second")
      }
      yield* TestClock.adjust("1 hour")
      expect(yield* Effect.flip(own.get("a"))).toEqual(new NotFound({ id: "a" }))
    }))

  test("survives a refresh that dies, and is refreshed after the pause", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, stale)
      const { database } = world
      let broken = false
      const own = yield* opened(world, { lookup: (id) => (broken ? Effect.die("broken") : database.lookup(id)) })
      yield* own.get("a")
      yield* TestClock.adjust("1 minute")
      broken = true
      expect(yield* read(own)).toEqual(["Stale", 1])
      yield* settle
      expect(yield* read(own)).toEqual(["Stale", 1])
      broken = false
      database.rows.set("a", 2)
      yield* TestClock.adjust("1 second")
      expect(yield* read(own)).toEqual(["Stale", 1])
      yield* settle
      expect(yield* read(own)).toEqual(["Redis", 2])
    }))

  test("is never served stale once it was invalidated, also when the lookup then fails", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1, b: 1 }, stale)
      const { database } = world
      const own = yield* opened(world)
      yield* own.getMany(["a", "b"])
      yield* TestClock.adjust("1 minute")
      yield* own.invalidate("a")
      database.rows.clear()
      expect(yield* Effect.flip(own.get("a"))).toEqual(new NotFound({ id: "a" }))
      // the marker invalidates the stored entry
      yield* own.clear
      expect(yield* Effect.flip(own.get("b"))).toEqual(new NotFound({ id: "b" }))
      expect(yield* own.getOption("b")).toEqual(Option.none())
    }))

  test("is answered by getOption without a refresh", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, stale)
      const { database } = world
      const own = yield* opened(world)
      yield* own.get("a")
      yield* TestClock.adjust("1 minute")
      expect(Option.map(yield* own.getOption("a"), ({ source }) => source)).toEqual(Option.some("Stale"))
      yield* settle
      expect(database.lookups()).toBe(1)
    }))
})

describe("the local tier of a cache", () => {
  test("serves a value for its own short time, and then asks Redis again", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { local: { capacity: 10, timeToLive: "5 seconds" } })
      const { database } = world
      const own = yield* opened(world)
      yield* own.get("a")
      yield* TestClock.adjust("4999 millis")
      expect(yield* read(own)).toEqual(["Local", 1])
      yield* TestClock.adjust("1 millis")
      expect(yield* read(own)).toEqual(["Redis", 1])
      expect(yield* read(own)).toEqual(["Local", 1])
      expect(database.lookups()).toBe(1)
    }))

  test("never serves a value longer than it is fresh", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make(
        { a: 1 },
        { timeToLive: "1 minute", staleFor: "1 hour", local: { capacity: 10, timeToLive: "10 hours" } }
      )
      const [own, late] = [yield* opened(world), yield* opened(world)]
      yield* own.get("a")
      yield* TestClock.adjust("50 seconds")
      expect(yield* read(own)).toEqual(["Local", 1])
      expect(yield* read(late)).toEqual(["Redis", 1])
      yield* TestClock.adjust("9999 millis")
      expect(yield* read(late)).toEqual(["Local", 1])
      yield* TestClock.adjust("1 millis")
      expect(yield* read(own)).toEqual(["Stale", 1])
    }))

  test("holds no more than its capacity, and counts what gave way", () =>
    Effect.gen(function* () {
      const rows = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`id${i}`, i]))
      const world = CacheWorld.make(rows, { local: { capacity: 4, timeToLive: "1 minute" } })
      const own = yield* opened(world)
      yield* own.getMany(Object.keys(rows))
      expect(yield* own.stats).toMatchObject({ local: 4, evictions: 6 })
    }))

  test("never holds what Redis has not been asked for again after its time", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { local: { capacity: 10, timeToLive: "5 seconds" } })
      const { database } = world
      const [own, deaf] = [yield* opened(world), yield* opened(world)]
      yield* deaf.get("a")
      database.rows.set("a", 2)
      yield* own.invalidate("a")
      yield* TestClock.adjust("5 seconds")
      expect((yield* read(deaf))[1]).toBe(2)
    }))
})
