/** The times of refreshes, the time-outs of their callers, and the other answers of a lookup. */
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
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

describe("a lookup that receives the previous value", () => {
  const conditional = Effect.gen(function* () {
    const { name } = CacheWorld.make({})
    const origin = { value: "one", etag: "v1" }
    const asked: Array<string | undefined> = []
    const own = yield* TypedCache.make({
      name,
      key: Schema.String,
      value: Schema.String,
      timeToLive: "1 minute",
      jitter: 0,
      staleFor: "1 hour",
      lookup: (_id, previous) =>
        Effect.sync(() => {
          const known = Option.getOrUndefined(previous)?.versionTag
          asked.push(known)
          return known === origin.etag ? TypedCache.notModified : TypedCache.versioned(origin.value, origin.etag)
        })
    })
    yield* settle
    yield* TestClock.adjust("1 second")
    return { own, origin, asked }
  })

  test("may answer that it has not changed: the value is then fresh again, and keeps its version tag", () =>
    Effect.gen(function* () {
      const { asked, origin, own } = yield* conditional
      expect(yield* own.get("a")).toBe("one")
      for (let round = 0; round < 2; round++) {
        yield* TestClock.adjust("1 minute")
        expect((yield* own.getResult("a")).source).toBe("Stale")
        yield* settle
        expect(yield* own.getResult("a")).toMatchObject({ source: "Redis", value: "one" })
      }
      origin.value = "two"
      origin.etag = "v2"
      expect(yield* own.refresh("a")).toBe("two")
      expect(asked).toEqual([undefined, "v1", "v1", "v1"])
    }))

  test("is not told what was invalidated", () =>
    Effect.gen(function* () {
      const { asked, own } = yield* conditional
      yield* own.get("a")
      yield* own.clear
      yield* own.get("a")
      yield* own.invalidate("a")
      yield* own.get("a")
      expect(asked).toEqual([undefined, undefined, undefined])
    }))

  test("dies when it answers notModified without a previous value", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.make({})
      const own = yield* TypedCache.make({
        name,
        key: Schema.String,
        value: Schema.String,
        timeToLive: "1 minute",
        lookup: () => Effect.succeed(TypedCache.notModified)
      })
      expect(Exit.isFailure(yield* Effect.exit(own.get("a")))).toBe(true)
    }))
})

class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.String, since: Schema.Date }) {}
class Broken extends Data.TaggedError("Broken") {}

describe("a cached error", () => {
  const remembering = Effect.gen(function* () {
    const { key, name } = CacheWorld.make({})
    let lookups = 0
    let answer: Effect.Effect<number, Missing | Broken> = Effect.fail(new Missing({ id: "a", since: new Date(0) }))
    const cache = TypedCache.make({
      name,
      key: Schema.String,
      value: Schema.Number,
      timeToLive: "1 hour",
      staleFor: "1 hour",
      jitter: 0,
      negative: { error: Missing, timeToLive: "10 seconds" },
      local: { capacity: 10, timeToLive: "5 seconds" },
      lookup: () =>
        Effect.suspend(() => {
          lookups++
          return answer
        })
    })
    const [one, other] = [yield* cache, yield* cache]
    yield* settle
    yield* TestClock.adjust("1 second")
    return {
      one,
      other,
      key,
      lookups: () => lookups,
      answers: (next: Effect.Effect<number, Missing | Broken>) => {
        answer = next
      }
    }
  })

  test("is not looked up again for its own time, here or in another process, and never served stale", () =>
    Effect.gen(function* () {
      const { answers, key, lookups, one, other } = yield* remembering
      for (const cache of [one, one, other, other]) {
        const error = yield* Effect.flip(cache.get("a"))
        expect(error).toEqual(new Missing({ id: "a", since: new Date(0) }))
      }
      expect(lookups()).toBe(1)
      expect(yield* one.getOption("a")).toEqual(Option.none())
      expect(yield* Effect.map(RedisClient, (redis) => redis.get(key("a"))).pipe(Effect.flatten)).toEqual(
        Option.some(
          expect.stringMatching(/"error":\{"id":"a","since":"1970-01-01T00:00:00.000Z","_tag":"Missing"\}\}$/)
        )
      )
      yield* TestClock.adjust("10 seconds")
      answers(Effect.succeed(1))
      expect(yield* other.getResult("a")).toMatchObject({ source: "Lookup", value: 1 })
    }))

  test("gives way to a value that is set, and to an invalidation", () =>
    Effect.gen(function* () {
      const { lookups, one, other } = yield* remembering
      yield* Effect.flip(one.get("a"))
      yield* one.set("a", 5)
      expect(yield* other.get("a")).toBe(5)
      yield* Effect.flip(other.refresh("a"))
      yield* one.invalidate("a")
      yield* Effect.flip(one.get("a"))
      expect(lookups()).toBe(3)
    }))

  test("is only one of the declared kind", () =>
    Effect.gen(function* () {
      const { answers, lookups, one } = yield* remembering
      answers(Effect.fail(new Broken()))
      expect(yield* Effect.flip(one.get("a"))).toEqual(new Broken())
      expect(yield* Effect.flip(one.get("a"))).toEqual(new Broken())
      expect(lookups()).toBe(2)
    }))

  test("is a counted miss for a program that remembers none", () =>
    Effect.gen(function* () {
      const { one } = yield* remembering
      yield* Effect.flip(one.get("a"))
      const plain = yield* TypedCache.make({
        name: one.name,
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 hour",
        lookup: () => Effect.succeed(7)
      })
      expect(yield* plain.get("a")).toBe(7)
      expect((yield* plain.stats).decodeFailures).toBe(1)
    }))
})

describe("a value whose time to live is zero", () => {
  test("is answered and not stored, and what it was to replace does not stay", () =>
    Effect.gen(function* () {
      const settings = { timeToLive: (value: number) => (value === 0 ? 0 : "1 minute"), staleFor: "1 hour" } as const
      const world = CacheWorld.make({ a: 1 }, settings)
      const own = yield* opened(world)
      yield* own.get("a")
      world.database.rows.set("a", 0)
      expect(yield* own.refresh("a")).toBe(0)
      yield* CacheWorld.gone(world.key("a"))
      expect(yield* own.getOption("a")).toEqual(Option.none())
    }))
})

describe("a value whose time to live becomes zero while the local tier holds it", () => {
  test("is not served from there either once a refresh has answered", () =>
    Effect.gen(function* () {
      const settings = {
        timeToLive: (value: number) => (value === 0 ? 0 : "1 minute"),
        local: { capacity: 10, timeToLive: "30 seconds" }
      } as const
      const world = CacheWorld.make({ a: 1 }, settings)
      const own = yield* opened(world)
      yield* own.get("a")
      world.database.rows.set("a", 0)
      world.database.hold()
      const refreshing = yield* Effect.fork(own.refresh("a"))
      yield* world.database.begun(2)
      // the stored value is read again
      expect(yield* read(own)).toEqual(["Redis", 1])
      world.database.release()
      expect(yield* Fiber.join(refreshing)).toBe(0)
      yield* CacheWorld.gone(world.key("a"))
      expect(yield* own.getOption("a")).toEqual(Option.none())
    }))
})

describe("the events of a cache", () => {
  test("tell of hits, misses, stale values, lookups, invalidations, degradation and recovery", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make({ a: 1 }, { staleFor: "1 hour", tags: () => ["t"] })
      const [own, other] = [yield* opened(world), yield* opened(world)]
      const key = world.key("a")
      const seen = yield* Effect.fork(
        Stream.runCollect(
          Stream.takeUntil(own.events, (event) => event._tag === "Invalidation" && event.by === "Other")
        )
      )
      yield* settle
      yield* own.get("a")
      yield* own.get("a")
      yield* TestClock.adjust("1 minute")
      yield* own.getOption("a")
      yield* own.invalidate("a")
      yield* own.invalidateTag("t")
      yield* own.clear
      yield* other.invalidate("a")
      const { CacheEvent } = TypedCache
      expect(Chunk.toReadonlyArray(yield* Fiber.join(seen))).toMatchObject([
        CacheEvent.Miss({ key }),
        { _tag: "Lookup", key, isSuccess: true },
        CacheEvent.Hit({ key, tier: "Redis" }),
        CacheEvent.Stale({ key }),
        CacheEvent.Invalidation({ of: "Key", name: key, by: "Self" }),
        CacheEvent.Invalidation({ of: "Tag", name: "t", by: "Self" }),
        CacheEvent.Invalidation({ of: "All", name: "", by: "Self" }),
        CacheEvent.Invalidation({ of: "Key", name: key, by: "Other" })
      ])
    }))
})
