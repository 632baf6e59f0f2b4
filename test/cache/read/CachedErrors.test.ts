/** An error of a lookup that `negative` declares is stored, and gives way to values. */
import { describe, expect, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { onMemory } from "../../support/server/clientLayers.js"
import { settle } from "../../support/until.js"

const test = <E>(name: string, body: () => Effect.Effect<void, E, RedisClient | Scope.Scope>) =>
  it.scoped(name, () => Effect.provide(body(), onMemory))

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
