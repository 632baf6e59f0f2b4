/** Typed keys and stored forms of a cache, whatever Redis it stands on: what one cache writes, another one reads. */
import type { Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as Encryption from "../../src/cache/Encryption.js"
import * as TypedCache from "../../src/cache/TypedCache.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import * as CacheWorld from "../support/CacheWorld.js"

const Place = Schema.Union(
  Schema.TaggedStruct("Hall", { name: Schema.String }),
  Schema.TaggedStruct("Seat", { hall: Schema.String, row: Schema.Int })
)

const ProfileV1 = Schema.Struct({ name: Schema.String })
const Profile = Schema.Struct({ first: Schema.String, last: Schema.String })
const fromV1 = ({ name }: typeof ProfileV1.Type): typeof Profile.Type => {
  const [first = "", last = ""] = name.split(" ")
  return { first, last }
}

const keysOf = (...bytes: ReadonlyArray<number>) =>
  Encryption.make(
    bytes.map((byte) => ({ id: `${byte}`, key: Redacted.make(Buffer.alloc(32, byte).toString("base64")) }))
  )

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("keeps values under structs and tagged unions, for every process alike, and forgets them by the same", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.make({})
      let lookups = 0
      const make = TypedCache.make({
        name,
        key: Place,
        value: Schema.Int,
        timeToLive: "1 minute",
        lookup: () => Effect.sync(() => ++lookups)
      })
      const [one, other] = [yield* make, yield* make]
      expect(yield* one.get({ _tag: "Seat", hall: "{A}", row: 1 })).toBe(1)
      expect(yield* other.get({ row: 1, hall: "{A}", _tag: "Seat" })).toBe(1)
      expect(yield* other.get({ _tag: "Seat", hall: "{A}", row: 2 })).toBe(2)
      expect(yield* other.get({ _tag: "Hall", name: "{A}" })).toBe(3)
      expect(yield* one.invalidate({ row: 1, _tag: "Seat", hall: "{A}" })).toBe(true)
      expect(yield* other.getOption({ _tag: "Seat", hall: "{A}", row: 1 })).toEqual(Option.none())
      expect(yield* other.get({ _tag: "Seat", hall: "{A}", row: 2 })).toBe(2)
      const error = yield* Effect.flip(one.get({ _tag: "Hall", name: "\u0000" }))
      expect(error).toMatchObject({ _tag: "InvalidKey", reason: "ControlCharacter" })
    })
  )

  it.scoped("reads what an older program has stored, and lets it look up what only a newer one can read", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.make({})
      const lookups = { old: 0, new: 0 }
      const options = { name, key: Schema.String, timeToLive: "1 minute" } as const
      const old = yield* TypedCache.make({
        ...options,
        value: ProfileV1,
        lookup: () =>
          Effect.sync(() => {
            lookups.old++
            return { name: "Ada Lovelace" }
          })
      })
      const young = yield* TypedCache.make({
        ...options,
        value: Profile,
        version: 2,
        migrations: { 1: TypedCache.migration(ProfileV1, fromV1) },
        lookup: () =>
          Effect.sync(() => {
            lookups.new++
            return { first: "Ada", last: "Lovelace" }
          })
      })
      const read = Effect.map(Effect.all([old.get("a"), young.get("a")]), (both) => expect(both).toEqual(values))
      const values = [{ name: "Ada Lovelace" }, { first: "Ada", last: "Lovelace" }]

      yield* read
      expect(lookups).toEqual({ old: 1, new: 0 })
      expect((yield* young.getServed("a")).source).toBe("Redis")

      // what the newer one stores is looked up once by the older one, and is then for both
      yield* young.set("a", { first: "Ada", last: "Lovelace" })
      yield* read
      yield* read
      yield* read
      expect(lookups).toEqual({ old: 2, new: 0 })
      expect((yield* old.stats).decodeFailures).toBeGreaterThan(0)
      expect((yield* young.stats).decodeFailures).toBe(0)
    })
  )

  it.scoped("stores long values compressed, all encrypted, and reads both in any process that has the key", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const { cache, database, key } = CacheWorld.make({ a: 1, b: 2 })
      const [one, other] = [
        yield* cache({ encryption: yield* keysOf(2, 1), compression: { above: 0 } }),
        yield* cache({ encryption: yield* keysOf(3, 2) })
      ]
      expect(yield* one.get("a")).toBe(1)
      expect(yield* redis.get(key("a"))).toMatchObject({
        value: expect.stringMatching(/"keyId":"2","value":"[^"]+"}$/)
      })
      expect((yield* other.getServed("a")).source).toBe("Redis")
      yield* other.set("b", 3)
      // written with a key that this one does not have
      expect(yield* one.get("b")).toBe(2)
      expect(yield* one.update("b", Effect.succeed(4))).toBe(4)
      expect(yield* other.get("b")).toBe(4)
      expect(database.lookups()).toBe(2)
      expect((yield* one.stats).decodeFailures).toBeGreaterThan(0)
      expect((yield* other.stats).decodeFailures).toBe(0)
    })
  )

  it.scoped("takes an encrypted value that was moved to another key for a miss, and counts it", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const { cache, key } = CacheWorld.make({ a: 1, b: 2 })
      const { get, stats } = yield* cache({ encryption: yield* keysOf(1) })
      yield* get("a")
      const stored = Option.getOrThrow(yield* redis.get(key("a")))
      for (const forged of [stored, stored.slice(0, -40), stored.replace(/"keyId":"1","value":.*/, '"value":1}')]) {
        yield* redis.set(key("b"), forged, { ttl: "1 minute" })
        const before = (yield* stats).decodeFailures
        expect(yield* get("b")).toBe(2)
        expect((yield* stats).decodeFailures).toBeGreaterThan(before)
      }
    })
  )
}
