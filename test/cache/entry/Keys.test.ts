/** Ids that look like the encoded form of other ids: the local tier keeps and invalidates each one alone. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as Executors from "../../support/faults/Executors.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { settle, until } from "../../support/until.js"

const ids = ["a{b", "a%7Bb", "a%257Bb", "a{b}", "a%7bb", "50%", "50%25", "%7B", "{", "{}", "é:😀", "plain"]

/** Two processes whose caches keep everything in their local tiers, over a source of one number for all ids. */
const worldOf = <I>(name: string, key: Schema.Schema<string, I>) =>
  Effect.gen(function* () {
    const server = yield* OutageRedis.make
    let version = 1
    const start = Effect.gen(function* () {
      const { redis } = yield* server.connect
      const cache = TypedCache.make({
        name,
        key,
        value: Schema.String,
        timeToLive: "1 hour",
        local: { capacity: 1_000, timeToLive: "1 hour" },
        tags: (_, id: string) => ["all", `tag of ${id}`],
        lookup: (id: string) => Effect.sync(() => `${id} at ${version}`)
      })
      return yield* Effect.provideService(cache, RedisClient, redis)
    })
    const [one, other] = [yield* start, yield* start]
    // a cache drops its local entries once when its subscription starts
    yield* settle
    const sources = (cache: typeof one) =>
      Effect.forEach(ids, (id) => Effect.map(cache.getResult(id), ({ source, value }) => [id, source, value] as const))
    const keptAt = (version: number) => ids.map((id) => [id, "Local", `${id} at ${version}`] as const)
    /** Fills the local tiers of both processes with all ids. */
    const fill = Effect.gen(function* () {
      for (const cache of [one, other]) {
        yield* cache.getMany(ids)
        expect(yield* sources(cache)).toEqual(keptAt(version))
        // once by each method that reads the local tier
        expect(yield* Effect.forEach(ids, cache.get)).toEqual(ids.map((id) => `${id} at ${version}`))
      }
      expect((yield* one.stats).local).toBe(ids.length)
      return yield* Effect.sync(() => {
        version++
        // entries that are stored from now on are newer than the markers
        server.tick()
      })
    })
    /** Waits until the other process has dropped an id and reads its next version. */
    const heard = (id: string) =>
      until(`the other process has heard of ${id}`, () =>
        Effect.map(Effect.orDie(other.get(id)), (value) => value === `${id} at ${version}`)
      )
    return { one, other, fill, sources, heard, version: () => version }
  })

const schemas: ReadonlyArray<readonly [string, Schema.Schema<string>]> = [
  ["are texts", Schema.String],
  ["are trimmed, and so known by their keys in Redis", Schema.compose(Schema.String, Schema.Trim)]
]

for (const [what, schema] of schemas) {
  describe(`ids that ${what}`, () => {
    it.scoped("are invalidated one by one, here and in another process, and no other with them", () =>
      Effect.gen(function* () {
        const { fill, heard, one, other, sources, version } = yield* worldOf("item", schema)
        yield* fill
        const expected = new Map(ids.map((id) => [id, `${id} at 1`]))
        for (const id of ids) {
          expect(yield* one.invalidate(id)).toBe(true)
          yield* heard(id)
          expected.set(id, `${id} at ${version()}`)
          for (const cache of [one, other]) {
            expect(yield* Effect.forEach(ids, cache.get), id).toEqual([...expected.values()])
            // the other ids are still in the local tier
            expect(yield* sources(cache), id).toEqual([...expected].map(([id, value]) => [id, "Local", value]))
          }
        }
      })
    )

    it.scoped("are invalidated by their tags, here and in another process", () =>
      Effect.gen(function* () {
        const { fill, heard, one, other, version } = yield* worldOf("item", schema)
        yield* fill
        for (const id of ["a{b", "50%25", "%7B"]) {
          yield* one.invalidateTag(`tag of ${id}`)
          yield* heard(id)
          for (const cache of [one, other]) expect(yield* cache.get(id)).toBe(`${id} at ${version()}`)
        }
        for (const cache of [one, other]) {
          for (const id of ["a%7Bb", "a%257Bb", "50%", "{", "plain"]) expect(yield* cache.get(id)).toBe(`${id} at 1`)
        }
        yield* one.invalidateTag("all")
        for (const id of ids) {
          yield* heard(id)
          for (const cache of [one, other]) expect(yield* cache.get(id)).toBe(`${id} at ${version()}`)
        }
      })
    )

    it.scoped("are cleared together, here and in another process", () =>
      Effect.gen(function* () {
        const { fill, heard, one, other, version } = yield* worldOf("item", schema)
        yield* fill
        expect(yield* one.clear).toBe(true)
        for (const id of ids) {
          yield* heard(id)
          for (const cache of [one, other]) expect(yield* cache.get(id)).toBe(`${id} at ${version()}`)
        }
      })
    )

    it.scoped("are replaced in both processes when one is set", () =>
      Effect.gen(function* () {
        const { fill, one, other } = yield* worldOf("item", schema)
        yield* fill
        for (const id of ids) {
          expect(yield* one.set(id, `${id} as it was set`)).toBe(true)
          yield* until("the other process has heard", () =>
            Effect.map(Effect.orDie(other.get(id)), (value) => value === `${id} as it was set`)
          )
          expect(yield* one.get(id)).toBe(`${id} as it was set`)
        }
        expect(yield* one.getMany(ids)).toEqual(ids.map((id) => `${id} as it was set`))
      })
    )

    it.scoped("appear in events with their keys of Redis, whichever tier they come from", () =>
      Effect.gen(function* () {
        const { fill, one } = yield* worldOf("item", schema)
        yield* fill
        const hits = yield* Effect.fork(Stream.runCollect(Stream.take(one.events, 3)))
        yield* settle
        yield* one.get("a{b")
        yield* one.getResult("50%25")
        yield* one.getMany(["%7B"])
        expect(Array.from(yield* Fiber.join(hits))).toMatchObject(
          ["item:a%7Bb", "item:50%2525", "item:%257B"].map((key) => ({ _tag: "Hit", tier: "Local", key }))
        )
      })
    )
  })
}

describe("an id that its schema or Redis rejects", () => {
  it.scoped("is rejected even if the local tier holds entries", () =>
    Effect.gen(function* () {
      const { fill, one } = yield* worldOf("item", Schema.String)
      yield* fill
      for (const [id, reason] of [
        ["", "Empty"],
        ["a\n", "ControlCharacter"],
        ["\ud800", "LoneSurrogate"],
        ["a".repeat(513), "TooLong"]
      ] as const) {
        expect(yield* Effect.flip(one.get(id))).toMatchObject({ _tag: "InvalidKey", reason })
      }
    })
  )
})

describe("a key that several callers read at once", () => {
  const travelsOnce = <Key, I>(what: string, key: Schema.Schema<Key, I>, one: Key, other: Key, text: string) =>
    it.scoped(`is sent once where it is ${what}`, () =>
      Effect.gen(function* () {
        const server = yield* OutageRedis.make
        const { redis } = yield* server.connect
        const asked: Array<ReadonlyArray<string>> = []
        const watched = Executors.replacing(redis, ({ unsafeMget }) => ({
          unsafeMget: (keys, onReply) =>
            unsafeMget(() => {
              asked.push(keys())
              return asked.at(-1) ?? []
            }, onReply)
        }))
        const cache = yield* Effect.provideService(
          TypedCache.make({
            name: "c",
            key,
            value: Schema.Number,
            timeToLive: "1 hour",
            lookup: () => Effect.succeed(0)
          }),
          RedisClient,
          watched
        )
        yield* settle
        yield* cache.set(one, 1)
        asked.length = 0
        const each = Effect.all([cache.get(one), cache.get(other), cache.getMany([one, other]), cache.getOption(one)], {
          concurrency: "unbounded"
        })
        expect(yield* each).toMatchObject([1, 1, [1, 1], { value: { value: 1 } }])
        expect(asked).toEqual([["{c}:clear", text]])
      })
    )

  travelsOnce("a text", Schema.String, "ada", "ada", "c:ada")
  travelsOnce("no text", Schema.Number, 12, 12, "c:12")
  const seat = Schema.Struct({ hall: Schema.String, row: Schema.Int })
  travelsOnce("an object", seat, { hall: "a", row: 1 }, { row: 1, hall: "a" }, 'c:%7B"hall":"a","row":1%7D')
})
