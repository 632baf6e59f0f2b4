/** Values are invalidated by their tags. */
import type { Vitest } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { expect } from "vitest"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { until } from "../../support/until.js"

const local = { capacity: 100, timeToLive: "1 minute" } as const

/** A number is tagged by its sign and, as its key says, by where it lives. */
const tags = (value: number, id: string) => [value % 2 === 0 ? "even" : "odd", `home:${id[0]}`]

const world = (rows: Readonly<Record<string, number>>, settings: CacheWorld.Settings = {}) =>
  CacheWorld.listening(rows, { tags, ...settings })

const sources = (cache: CacheWorld.Cache, ids: ReadonlyArray<string>) =>
  Effect.forEach(ids, (id) => Effect.map(cache.getResult(id), ({ source }) => source))

/** Waits until the server's clock is past a marker. */
const laterThan = (marker: string) =>
  Effect.flatMap(RedisClient, (redis) =>
    Effect.flatMap(redis.get(marker), (time) =>
      until("the marker's millisecond is over", () =>
        Effect.map(redis.send("TIME"), (now) => {
          const [seconds, micros] = Array.isArray(now) ? now.map(Number) : []
          return Math.floor((seconds ?? 0) * 1000 + (micros ?? 0) / 1000) > Number(Option.getOrThrow(time))
        })
      )
    )
  )

/** What a cache of one process promises too. */
export const inOneProcess = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("hides a value with an invalidated tag from getOption and from stale reads", () =>
    Effect.gen(function* () {
      const { cache } = world({ a: 1, b: 1 }, { timeToLive: "20 millis", staleFor: "1 hour" })
      const own = yield* cache()
      yield* own.getMany(["a", "b"])
      // each has a time to live of its own, by chance a little less than the option
      yield* until("both are stale", () =>
        Effect.map(Effect.all([own.getOption("a"), own.getOption("b")]), (found) =>
          found.every((result) => Option.exists(result, ({ source }) => source === "Stale"))
        )
      )
      yield* own.invalidateTag("home:a")
      expect(yield* own.getOption("a")).toEqual(Option.none())
      expect((yield* own.getResult("a")).source).toBe("Lookup")
      expect((yield* own.getResult("b")).source).toBe("Stale")
    })
  )

  it.scoped("stores no value with a tag that could not invalidate it", () =>
    Effect.gen(function* () {
      const { cache } = world({ a: 1 }, { tags: () => [""] })
      const own = yield* cache()
      expect(yield* own.get("a")).toBe(1)
      expect(yield* own.getOption("a")).toEqual(Option.none())
      expect(yield* Effect.flip(own.invalidateTag("\n"))).toMatchObject({ _tag: "InvalidKey" })
    })
  )
}

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  inOneProcess(it)

  it.scoped("uses the tags of the current value, and not those of earlier ones", () =>
    Effect.gen(function* () {
      const { cache } = world({ a: 1 })
      const [one, other] = [yield* cache(), yield* cache()]
      yield* other.get("a")
      yield* one.set("a", 2)
      yield* one.invalidateTag("odd")
      expect(yield* sources(other, ["a"])).toEqual(["Redis"])
      yield* one.update("a", Effect.succeed(4))
      yield* one.invalidateTag("even")
      expect(yield* other.getOption("a")).toEqual(Option.none())
    })
  )

  it.scoped("invalidates every value with the tag, and no other, also in another process's local tier", () =>
    Effect.gen(function* () {
      const { cache, database } = world({ a1: 1, a2: 2, b1: 1 }, { local })
      const [one, other] = [yield* cache(), yield* cache()]
      for (const each of [one, other]) {
        for (const id of ["a1", "a2", "b1"]) yield* CacheWorld.inLocalTier(each, id)
      }
      for (const id of ["a1", "a2", "b1"]) database.rows.set(id, (database.rows.get(id) ?? 0) + 10)
      expect(yield* one.invalidateTag("home:a")).toBe(true)
      expect(yield* one.getMany(["a1", "a2", "b1"])).toEqual([11, 12, 1])
      yield* until("the other process has heard", () =>
        Effect.map(Effect.orDie(other.getMany(["a1", "a2", "b1"])), (values) => values.join() === "11,12,1")
      )
    })
  )

  it.scoped("needs no second lookup for a new tag, and serves its value from Redis afterwards", () =>
    Effect.gen(function* () {
      const { cache, database, name } = world({ a: 1, b: 2 })
      const [one, other] = [yield* cache(), yield* cache()]
      yield* one.invalidateTag("another tag")
      // an entry created in the millisecond of any tag's invalidation counts as older than a new tag
      yield* laterThan(`{${name}}:tags`)
      yield* one.getMany(["a", "b"])
      expect(yield* sources(other, ["a", "b"])).toEqual(["Redis", "Redis"])
      expect(database.lookups()).toBe(2)
    })
  )

  it.scoped("stores nothing of a load that the invalidation of its tag has overtaken, here or in another process", () =>
    Effect.gen(function* () {
      for (const who of ["one", "other"] as const) {
        const { cache, database } = world({ a: 1 }, { local })
        const caches = { one: yield* cache(), other: yield* cache() }
        // so that the tag's marker is there
        yield* caches.one.get("a")
        yield* caches.one.invalidate("a")
        database.hold()
        const load = yield* Effect.fork(caches.one.get("a"))
        yield* database.begun(2)
        database.rows.set("a", 3)
        expect(yield* caches[who].invalidateTag("odd")).toBe(true)
        const late = yield* Effect.fork(caches.one.get("a"))
        database.release()
        yield* Fiber.join(load)
        expect([who, yield* Fiber.join(late)]).toEqual([who, 3])
        expect([who, yield* caches.one.get("a"), yield* caches.other.get("a")]).toEqual([who, 3, 3])
      }
    })
  )

  it.scoped("treats an evicted marker as a miss, and never revives the values that it invalidated", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      for (const evicted of ["tag:odd", "tags", "clear"]) {
        const { cache, database, name } = world({ a: 1 })
        const [one, other] = [yield* cache(), yield* cache()]
        yield* one.get("a")
        database.rows.set("a", 3)
        yield* one.invalidateTag("odd")
        yield* redis.del(`{${name}}:${evicted}`, `{${name}}:tag:odd`)
        expect([evicted, yield* other.getOption("a")]).toEqual([evicted, Option.none()])
        expect([evicted, yield* other.get("a")]).toEqual([evicted, 3])
        yield* until("it is cached again", () =>
          Effect.map(Effect.orDie(one.getResult("a")), ({ source, value }) => {
            expect(value).toBe(3)
            return source === "Redis"
          })
        )
      }
    })
  )

  it.scoped("keeps its markers for longer than any entry that depends on them", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const { cache, key, name } = world({ a: 1 }, { timeToLive: "10 hours", staleFor: "10 hours" })
      const own = yield* cache()
      yield* own.get("a")
      const lives = (name: string) =>
        Effect.map(redis.ttl(name), Option.match({ onNone: () => 0, onSome: Duration.toMillis }))
      yield* own.invalidateTag("odd")
      yield* own.get("a")
      for (const marker of ["clear", "tags", "tag:odd", "tag:home:a"]) {
        expect(yield* lives(`{${name}}:${marker}`), marker).toBeGreaterThan(yield* lives(key("a")))
      }
    })
  )
}
