/** Keys and values in Redis: what one cache writes, another one reads. */
import type { Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as Encryption from "../../../src/cache/entry/Encryption.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"

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

class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.String }) {}

/** Throws on 13, in one direction. */
const thrower = (direction: "decode" | "encode") => {
  const by = (at: typeof direction) => (n: number) => {
    if (at === direction && n === 13) throw new Error("unlucky")
    return n
  }
  return Schema.transform(Schema.Number, Schema.Number, { strict: true, decode: by("decode"), encode: by("encode") })
}

/** Dies of 13 in an effect, as a schema does that asks somebody. */
const dying = Schema.transformOrFail(Schema.Number, Schema.Number, {
  strict: true,
  decode: (n) => (n === 13 ? Effect.dieMessage("unlucky") : Effect.yieldNow().pipe(Effect.as(n))),
  encode: (n) => Effect.succeed(n)
})

/** A filter is asked in both directions. */
const superstitious = Schema.Number.pipe(
  Schema.filter((n) => {
    if (n === 13) throw new Error("unlucky")
    return true
  })
)

const keysOf = (...bytes: ReadonlyArray<number>) =>
  Encryption.make(
    bytes.map((byte) => ({ id: `${byte}`, key: Redacted.make(Buffer.alloc(32, byte).toString("base64")) }))
  )

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("stores and invalidates values under structs and tagged unions, with the same keys in every process", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.listening({})
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

  it.scoped("reads the values of an older program, which looks up what only a newer one can read", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.listening({})
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
        schema: { version: 2, migrations: { 1: TypedCache.migration(ProfileV1, fromV1) } },
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
      expect((yield* young.getResult("a")).source).toBe("Redis")

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
      const { cache, database, key } = CacheWorld.listening({ a: 1, b: 2 })
      const [one, other] = [
        yield* cache({ encryption: yield* keysOf(2, 1), compression: { above: 0 } }),
        yield* cache({ encryption: yield* keysOf(3, 2) })
      ]
      expect(yield* one.get("a")).toBe(1)
      expect(yield* redis.get(key("a"))).toMatchObject({
        value: expect.stringMatching(/"keyId":"2","value":"[^"]+"}$/)
      })
      expect((yield* other.getResult("a")).source).toBe("Redis")
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

  it.scoped("treats an encrypted value that was moved to another key as a miss, and counts it", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const { cache, key } = CacheWorld.listening({ a: 1, b: 2 })
      const { get, stats } = yield* cache({ encryption: yield* keysOf(1) })
      yield* get("a")
      const stored = Option.getOrThrow(yield* redis.get(key("a")))
      for (const forged of [stored, stored.slice(0, -40), stored.replace(/"keyId":"1","value":.*/, '"value":1}')]) {
        yield* redis.set(key("b"), forged, { timeToLive: "1 minute" })
        const before = (yield* stats).decodeFailures
        expect(yield* get("b")).toBe(2)
        expect((yield* stats).decodeFailures).toBeGreaterThan(before)
      }
    })
  )

  for (const [how, value] of [
    ["at once", thrower("decode")],
    ["in an effect", dying],
    ["in a filter", superstitious]
  ] as const) {
    it.scoped(`treats a stored value that its schema throws on ${how} as a miss, whichever way it is read`, () =>
      Effect.gen(function* () {
        const { name, key } = CacheWorld.listening({})
        const redis = yield* RedisClient
        const cache = yield* TypedCache.make({
          name,
          key: Schema.String,
          value,
          timeToLive: "1 minute",
          lookup: () => Effect.succeed(7)
        })
        const ways: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          cache.get("a"),
          Effect.map(cache.getResult("a"), (served) => served.value),
          Effect.map(cache.getMany(["b", "a"]), ([, value]) => value),
          cache.request("a"),
          cache.refresh("a"),
          Effect.zipRight(cache.warm(["a"]), cache.get("a"))
        ]
        for (const way of ways) {
          yield* redis.set(key("a"), '{"created":1,"ttl":60000,"value":13}', { timeToLive: "1 minute" })
          const before = (yield* cache.stats).decodeFailures
          expect(yield* way).toBe(7)
          expect((yield* cache.stats).decodeFailures).toBeGreaterThan(before)
          expect((yield* cache.getResult("a")).source).toBe("Redis")
        }
        yield* redis.set(key("a"), '{"created":1,"ttl":60000,"value":13}', { timeToLive: "1 minute" })
        expect(yield* cache.getOption("a")).toEqual(Option.none())
        expect(yield* cache.update("a", Effect.succeed(8))).toBe(8)
        expect(yield* cache.get("a")).toBe(8)
      })
    )
  }

  it.scoped("answers and does not store a value that its schema throws on or that JSON cannot hold", () =>
    Effect.gen(function* () {
      for (const [value, bad] of [
        [thrower("encode"), 13],
        [superstitious, 13],
        [Schema.make<number>(Schema.Unknown.ast), Number.NaN],
        [Schema.make<number>(Schema.Unknown.ast), Number.POSITIVE_INFINITY]
      ] as const) {
        const { name, key } = CacheWorld.listening({})
        const redis = yield* RedisClient
        const cache = yield* TypedCache.make({
          name,
          key: Schema.String,
          value,
          timeToLive: "1 minute",
          lookup: () => Effect.succeed(bad)
        })
        expect([yield* cache.get("a"), yield* cache.get("a")]).toEqual([bad, bad])
        expect(yield* cache.getMany(["a", "b"])).toEqual([bad, bad])
        expect(yield* cache.refresh("a")).toBe(bad)
        expect(yield* cache.set("a", 1)).toBe(true)
        expect(yield* cache.set("a", bad)).toBe(false)
        yield* cache.set("a", 1)
        expect(yield* cache.update("a", Effect.succeed(bad))).toBe(bad)
        expect(yield* redis.get(key("a"))).toEqual(Option.none())
        const { decodeFailures, storeFailures } = yield* cache.stats
        expect([decodeFailures, storeFailures]).toEqual([0, 7])
      }
    })
  )

  it.scoped("restores NaN, bigints, maps, sets, bytes and the data types of Effect", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.listening({})
      const row = {
        id: 9_007_199_254_740_993n,
        ratio: Number.NaN,
        limit: Number.POSITIVE_INFINITY,
        counts: new Map([[7n, new Set([Number.NEGATIVE_INFINITY])]]),
        bytes: new Uint8Array([0, 255]),
        home: new URL("https://example.org/ada"),
        friend: Option.some(HashSet.make("bob"))
      }
      const cache = yield* TypedCache.make({
        name,
        key: Schema.BigIntFromSelf,
        value: Schema.Struct({
          id: Schema.BigIntFromSelf,
          ratio: Schema.Number,
          limit: Schema.NullOr(Schema.Number),
          counts: Schema.MapFromSelf({ key: Schema.BigIntFromSelf, value: Schema.SetFromSelf(Schema.Number) }),
          bytes: Schema.Uint8ArrayFromSelf,
          home: Schema.URLFromSelf,
          friend: Schema.OptionFromSelf(Schema.HashSetFromSelf(Schema.String))
        }),
        timeToLive: "1 minute",
        lookup: () => Effect.succeed(row)
      })
      yield* cache.get(row.id)
      const { source, value } = yield* cache.getResult(row.id)
      expect({ source, value }).toEqual({ source: "Redis", value: row })
      const { decodeFailures, misses, storeFailures } = yield* cache.stats
      expect([decodeFailures, misses, storeFailures]).toEqual([0, 1, 0])
    })
  )

  it.scoped("restores the dates of a value, whichever schema they have", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.listening({})
      const cache = yield* TypedCache.make({
        name,
        key: Schema.String,
        value: Schema.Struct({ at: Schema.DateFromSelf, until: Schema.NullOr(Schema.Date) }),
        timeToLive: "1 minute",
        lookup: () => Effect.succeed({ at: new Date(0), until: new Date(1) })
      })
      yield* cache.get("a")
      const { source, value } = yield* cache.getResult("a")
      expect({ source, value }).toEqual({ source: "Redis", value: { at: new Date(0), until: new Date(1) } })
      expect((yield* cache.stats).decodeFailures).toBe(0)
    })
  )

  it.scoped("answers and does not store a value whose tags or time to live throw", () =>
    Effect.gen(function* () {
      const oops = (): never => {
        throw new Error("oops")
      }
      for (const settings of [
        { tags: oops },
        { tags: () => [""] },
        { timeToLive: oops },
        { timeToLive: () => Number.NaN },
        { timeToLive: () => JSON.parse('"soon"') }
      ]) {
        const { cache, database } = CacheWorld.listening({ a: 1 })
        const { get, set, stats, update } = yield* cache(settings)
        expect([yield* get("a"), yield* get("a")]).toEqual([1, 1])
        expect(yield* set("a", 2)).toBe(false)
        expect(yield* update("a", Effect.succeed(3))).toBe(3)
        expect(database.lookups()).toBe(2)
        expect((yield* stats).storeFailures).toBe(4)
      }
    })
  )

  it.scoped("passes the lookup's error on unchanged when the schema of errors throws on it", () =>
    Effect.gen(function* () {
      const broken = Missing.pipe(
        Schema.filter(() => {
          throw new Error("unlucky")
        })
      )
      const fragile = Schema.transform(Schema.String, Schema.typeSchema(Missing), {
        strict: true,
        decode: (id) => new Missing({ id }),
        encode: ({ id }) => {
          throw new Error(id)
        }
      })
      const of = (error: TypedCache.CacheSchema<Missing>) =>
        TypedCache.make({
          name: CacheWorld.listening({}).name,
          key: Schema.String,
          value: Schema.Number,
          timeToLive: "1 minute",
          negative: { error, timeToLive: "1 minute" },
          lookup: (id) => Effect.fail(new Missing({ id }))
        })
      for (const { get, stats } of [yield* of(broken), yield* of(fragile)]) {
        for (let i = 0; i < 2; i++) expect(yield* Effect.exit(get("a"))).toEqual(Exit.fail(new Missing({ id: "a" })))
        expect(yield* stats).toMatchObject({ lookups: 2, storeFailures: 2 })
      }
    })
  )

  it.scoped("rejects a key that its schema throws on, in every method", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.listening({})
      for (const key of [thrower("encode"), superstitious]) {
        const cache = yield* TypedCache.make({
          name,
          key,
          value: Schema.Number,
          timeToLive: "1 minute",
          lookup: Effect.succeed
        })
        const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          cache.get(13),
          cache.getResult(13),
          cache.getMany([1, 13]),
          cache.getOption(13),
          cache.request(13),
          cache.refresh(13),
          cache.set(13, 1),
          cache.update(13, Effect.succeed(1)),
          cache.invalidate(13)
        ]
        for (const call of calls) {
          expect(yield* Effect.flip(call)).toMatchObject({ _tag: "InvalidKey", reason: "NotEncodable" })
        }
        expect(yield* cache.warm([1, 13])).toMatchObject({ failed: 1, done: 2 })
      }
    })
  )

  it.scoped("stores any JSON under a schema that checks nothing, and fails to store what is none", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.listening({})
      const make = TypedCache.make({
        name,
        key: Schema.String,
        value: Schema.Any,
        timeToLive: "1 minute",
        lookup: (id) => Effect.succeed({ id, nested: [1, { a: null }], is: true })
      })
      const [one, other] = [yield* make, yield* make]
      const value = yield* one.get("a")
      expect(yield* other.getResult("a")).toMatchObject({ source: "Redis", value })
      expect(yield* other.set("b", new Map([["a", 1]]))).toBe(false)
      expect((yield* other.stats).storeFailures).toBe(1)
    })
  )
}
