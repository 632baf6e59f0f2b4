/** Values that are refreshed before their end, and the time-outs of the lookups that do it. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { createdAtOf } from "../../../src/cache/entry/CacheEntry.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { settle, until } from "../../support/until.js"

const test = <E>(name: string, body: () => Effect.Effect<void, E, RedisClient | Scope.Scope>) =>
  it.scoped(name, () => Effect.provide(body(), onMemory))

/** A cache whose subscription is active, and whose first values are newer than its marker. */
const opened = (world: CacheWorld.CacheWorld, settings: CacheWorld.Settings = {}) =>
  world.cache(settings).pipe(Effect.zipLeft(settle), Effect.zipLeft(TestClock.adjust("1 second")))

const read = (cache: CacheWorld.Cache, id = "a") =>
  Effect.map(cache.getResult(id), ({ source, value }) => [source, value] as const)

const passing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(effect, Effect.forever(TestClock.adjust("100 millis")))

const rate = 60_000

const refresh = { ahead: { after: 0.8 } }

describe("a value that is refreshed ahead", () => {
  for (const [tier, settings] of [
    ["Redis", {}],
    ["Local", { local: { capacity: 10, timeToLive: "1 hour" } }]
  ] as const) {
    test(`is served from ${tier} while one refresh runs for all processes, and is then the new one`, () =>
      Effect.gen(function* () {
        const world = CacheWorld.make({ a: 1 }, { timeToLive: rate, refresh, ...settings })
        const { database } = world
        const [one, other] = [yield* opened(world), yield* opened(world)]
        yield* one.get("a")
        yield* other.get("a")
        yield* TestClock.adjust(0.79 * rate)
        expect(yield* read(one)).toEqual([tier, 1])
        yield* settle
        expect(database.lookups()).toBe(1)
        yield* TestClock.adjust(0.01 * rate)
        database.rows.set("a", 2)
        database.hold()
        for (let i = 0; i < 5; i++) {
          for (const cache of [one, other]) expect(yield* read(cache)).toEqual([tier, 1])
          yield* settle
        }
        expect(database.lookups()).toBe(2)
        database.release()
        yield* until("both have the new one", () =>
          Effect.map(Effect.orDie(Effect.zip(one.get("a"), other.get("a"))), ([a, b]) => a === 2 && b === 2)
        )
        expect(database.lookups()).toBe(2)
      }))
  }

  test("is due from its creation on with an after of 0, also where the estimate of the server's time lies before that", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { refresh: { ahead: { after: 0 } } })
      const own = yield* opened(world)
      const redis = yield* RedisClient
      yield* own.get("a")
      const stored = Option.getOrThrow(yield* redis.get(world.key("a")))
      const created = createdAtOf(stored)
      yield* redis.set(world.key("a"), stored.replace(`${created}`, `${created + 5}`), { timeToLive: "1 minute" })
      expect(yield* read(own)).toEqual(["Redis", 1])
      yield* world.database.begun(2)
    }))

  test("is served to its end when the refresh fails, which is tried again after a pause", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { timeToLive: rate, refresh: { ...refresh, pause: "1 second" } })
      const own = yield* opened(world)
      yield* own.get("a")
      yield* TestClock.adjust(0.9 * rate)
      world.database.rows.delete("a")
      for (let failures = 1; failures <= 3; failures++) {
        for (let i = 0; i < 3; i++) {
          expect(yield* read(own)).toEqual(["Redis", 1])
          yield* settle
        }
        expect(world.database.lookups()).toBe(1 + failures)
        yield* TestClock.adjust("1 second")
      }
    }))

  test("is refreshed the likelier the nearer its end is, when that is left to chance", () =>
    Effect.gen(function* () {
      const lookupMillis = 1_000
      const refreshes = (age: number) =>
        Effect.gen(function* () {
          const world = CacheWorld.make({ a: 1 }, { timeToLive: rate, refresh: { ahead: { beta: 1 } } })
          const lookup = (id: string) => Effect.delay(world.database.lookup(id), lookupMillis)
          const own = yield* opened(world, { lookup })
          yield* passing(own.getMany(Array.from({ length: 1 }, () => "a")))
          yield* TestClock.adjust(age - lookupMillis)
          yield* Effect.replicateEffect(own.get("a"), 20)
          yield* settle
          yield* TestClock.adjust(lookupMillis)
          yield* settle
          return world.database.lookups() - 1
        })
      // exp(-(60 - age)): almost never half a minute before the end, and almost surely within twenty reads a second before
      expect(yield* refreshes(0.5 * rate)).toBe(0)
      expect(yield* refreshes(rate - 500)).toBe(1)
    }))
})

describe("a slow lookup", () => {
  const slow = { timeToLive: "1 minute", staleFor: "1 hour", refresh: { softTimeout: "100 millis" } } as const

  test("delays a caller with a stale value by the soft time-out at most, and completes all the same", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, slow)
      const { database } = world
      const own = yield* opened(world)
      yield* own.get("a")
      yield* TestClock.adjust("1 minute")
      database.rows.set("a", 2)
      database.hold()
      const reading = yield* Effect.fork(read(own))
      yield* database.begun(2)
      yield* TestClock.adjust("99 millis")
      yield* settle
      expect(reading.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(reading)).toEqual(["Stale", 1])
      database.release()
      yield* settle
      expect(yield* read(own)).toEqual(["Redis", 2])
      expect(database.lookups()).toBe(2)
    }))

  test("answers the new value when it comes before the soft timeout, and the stale one when it fails", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1, b: 1 }, slow)
      const own = yield* opened(world)
      yield* own.getMany(["a", "b"])
      yield* TestClock.adjust("1 minute")
      world.database.rows.set("a", 2)
      world.database.rows.delete("b")
      expect(yield* read(own)).toEqual(["Lookup", 2])
      expect(yield* read(own, "b")).toEqual(["Stale", 1])
    }))

  test("gives the stale value to its caller when it dies", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, slow)
      let broken = false
      const own = yield* opened(world, { lookup: (id) => (broken ? Effect.die("broken") : world.database.lookup(id)) })
      yield* own.get("a")
      yield* TestClock.adjust("1 minute")
      broken = true
      expect(yield* read(own)).toEqual(["Stale", 1])
    }))

  test("is given up with a typed error after the hard timeout, and its lease with it", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.make({})
      let ended: Exit.Exit<number> | undefined
      const own = yield* TypedCache.make({
        name,
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        refresh: { hardTimeout: "1 second" },
        lookup: () =>
          ended === undefined
            ? Effect.onExit(Effect.never, (exit) =>
                Effect.sync(() => {
                  ended = exit
                })
              )
            : Effect.succeed(2)
      })
      const error = yield* Effect.flip(passing(own.get("a")))
      expect(error).toMatchObject({ _tag: "LookupTimeout", cache: name })
      yield* until("the lookup was interrupted", () => ended !== undefined && Exit.isInterrupted(ended))
      expect(yield* passing(own.get("a"))).toBe(2)
      expect((yield* own.stats).lookupFailures).toBe(1)
    }))

  test("keeps its callers no longer than the hard timeout though it cannot be interrupted", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({})
      const own = yield* TypedCache.make({
        name: world.name,
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        refresh: { hardTimeout: "1 second" },
        lookup: () => Effect.as(Effect.uninterruptible(Effect.sleep("1 hour")), 1)
      })
      const reading = yield* Effect.fork(Effect.flip(own.get("a")))
      yield* settle
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(reading)).toMatchObject({ _tag: "LookupTimeout" })
    }))
})
