/** What a lookup may answer when it receives the previous value, and values that are not stored. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { settle } from "../../support/until.js"

const test = <E>(name: string, body: () => Effect.Effect<void, E, RedisClient | Scope.Scope>) =>
  it.scoped(name, () => Effect.provide(body(), onMemory))

/** A cache whose subscription is active, and whose first values are newer than its marker. */
const opened = (world: CacheWorld.CacheWorld, settings: CacheWorld.Settings = {}) =>
  world.cache(settings).pipe(Effect.zipLeft(settle), Effect.zipLeft(TestClock.adjust("1 second")))

const read = (cache: CacheWorld.Cache, id = "a") =>
  Effect.map(cache.getResult(id), ({ source, value }) => [source, value] as const)

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
