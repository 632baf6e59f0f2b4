import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Encryption, MemoryRedis, RedisClient, TypedCache } from "effect-cache-toolkit"
import * as EntryInspection from "../../src/cache/EntryInspection.js"
import * as LiveCaches from "../../src/cache/LiveCaches.js"

const build = (
  options: Partial<TypedCache.CacheSettings<string, string, TypedCache.Failures<string, undefined, "lookup">>> = {}
) =>
  TypedCache.make({
    name: "city",
    key: Schema.String,
    value: Schema.String,
    timeToLive: "5 minutes",
    jitter: 0,
    lookup: (id: string) => (id === "nowhere" ? Effect.fail("no city") : Effect.succeed(id.toUpperCase())),
    negative: { error: Schema.String },
    ...options
  })

const inspect = (id: string) =>
  Effect.gen(function* () {
    const redis = yield* RedisClient.RedisClient
    const [cache] = LiveCaches.of(redis)
    return cache === undefined
      ? yield* Effect.dieMessage("no cache is listed")
      : yield* EntryInspection.inspect(redis, cache, id)
  })

describe("the inspection of a key", () => {
  it.scoped("shows what both tiers hold, with age, tags, encoding and size", () =>
    Effect.gen(function* () {
      const cache = yield* build({
        tags: (city) => [city.slice(0, 1)],
        local: { capacity: 10, timeToLive: "1 minute" }
      })
      yield* cache.get("bergen")
      // a tagged value is kept here by the first read that finds its markers
      yield* cache.get("bergen")
      const { key, local, redis } = yield* inspect("bergen")
      expect(key).toBe("city:bergen")
      expect(local).toMatchObject({ kind: "value", value: '"BERGEN"', tags: ["B"], freshForMillis: 300_000 })
      expect(redis).toMatchObject({ kind: "value", value: '"BERGEN"', tags: ["B"], encoding: "json", version: 1 })
      expect(redis).toMatchObject({ bytes: expect.any(Number), expiresInMillis: expect.any(Number) })
      expect(yield* inspect("city:bergen")).toEqual(yield* inspect("bergen"))
      expect(yield* inspect("oslo")).toEqual({ key: "city:oslo", local: undefined, redis: undefined })
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("shows a cached error, and text that is no entry of the cache", () =>
    Effect.gen(function* () {
      const cache = yield* build()
      yield* Effect.flip(cache.get("nowhere"))
      expect((yield* inspect("nowhere")).redis).toMatchObject({ kind: "error", value: '"no city"' })
      const client = yield* RedisClient.RedisClient
      yield* client.set("city:rome", "not an entry")
      expect((yield* inspect("rome")).redis).toBe("foreign")
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("names the key of an encrypted value, and shows a text with a colon under its escaped key", () =>
    Effect.gen(function* () {
      const encryption = yield* Encryption.make([
        { id: "k1", key: Redacted.make(Buffer.alloc(32, 7).toString("base64")) }
      ])
      const cache = yield* build({ encryption })
      yield* cache.get("a:b")
      const found = yield* inspect("a:b")
      expect(found.key).toBe("city:a%3Ab")
      expect(found.redis).toMatchObject({ value: '"A:B"', encoding: "encrypted with key k1" })
      expect(yield* inspect(found.key)).toMatchObject({ key: found.key })
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.effect("lists a cache for as long as its scope is open", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient.RedisClient
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* build()
          expect(LiveCaches.of(redis).map(({ name }) => name)).toEqual(["city"])
        })
      )
      expect(LiveCaches.of(redis)).toEqual([])
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})

describe("the causes of misses", () => {
  it.scoped("are counted apart", () =>
    Effect.gen(function* () {
      const cache = yield* build({ timeToLive: (city) => (city === "OSLO" ? "1 millis" : "5 minutes") })
      const redis = yield* RedisClient.RedisClient
      yield* cache.get("bergen")
      yield* cache.invalidateTag("any")
      yield* cache.clear
      yield* cache.get("bergen")
      yield* redis.set("city:rome", "not an entry")
      yield* cache.get("rome")
      const { decodeFailures, misses, missesExpired, missesInvalidated } = yield* cache.stats
      expect({ decodeFailures, misses, missesExpired, missesInvalidated }).toEqual({
        decodeFailures: 1,
        misses: 3,
        missesExpired: 0,
        missesInvalidated: 1
      })
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )
})
