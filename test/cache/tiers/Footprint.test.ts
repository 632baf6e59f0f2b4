/** The keys and commands of a cache in Redis: only its values grow with the number of its keys. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisCommands from "../../../src/redis/RedisCommands.js"
import type { RedisExecutor } from "../../../src/redis/RedisExecutor.js"
import { settle } from "../../support/until.js"

/** A client in memory, and each command that was sent to it. */
const recorded = Effect.map(MemoryRedis.makeExecutor(), (executor) => {
  const sent: Array<{ readonly command: string; readonly keys: number }> = []
  const recording: RedisExecutor = {
    ...executor,
    command: (command, args, options) =>
      Effect.suspend(() => {
        sent.push({ command, keys: args.length })
        return executor.command(command, args, options)
      }),
    unsafeMget: (keys, answered) =>
      executor.unsafeMget(() => {
        const named = keys()
        sent.push({ command: "MGET", keys: named.length })
        return named
      }, answered),
    script: (script, input) =>
      Effect.suspend(() => {
        sent.push({ command: "script", keys: script.keys(input).length })
        return executor.script(script, input)
      }),
    unsafeScript: (script, input, answered) => {
      sent.push({ command: "script", keys: script.keys(input).length })
      executor.unsafeScript(script, input, answered)
    }
  }
  return { redis: RedisCommands.fromExecutor(recording), server: RedisCommands.fromExecutor(executor), sent }
})

describe("a cache's footprint", () => {
  it.scoped("is its values and a marker for each tag, without a set of its keys and without a scan", () =>
    Effect.gen(function* () {
      const { redis, sent, server } = yield* recorded
      const cache = yield* Effect.provideService(
        TypedCache.make({
          name: "item",
          key: Schema.NumberFromString,
          value: Schema.Number,
          timeToLive: "1 minute",
          tags: (value) => [value % 2 === 0 ? "even" : "odd"],
          lookup: Effect.succeed
        }),
        RedisClient,
        redis
      )
      const keysOf = Effect.map(server.send("SCAN", "0", "COUNT", "10000"), (reply) =>
        Array.isArray(reply) && reply[0] === "0" && Array.isArray(reply[1]) ? reply[1].map(String) : []
      )
      const isMarker = (key: string) => key.startsWith("{item}")
      yield* cache.getMany([1, 2])
      const few = (yield* keysOf).filter(isMarker)
      const ids = Array.from({ length: 200 }, (_, i) => i)
      yield* cache.getMany(ids)
      const many = yield* keysOf
      expect(many.filter(isMarker).sort()).toEqual(few.sort())
      expect(many.filter((key) => !isMarker(key))).toHaveLength(200)
      // each marker is one number
      for (const marker of few) expect(yield* server.send("TYPE", marker)).toBe("string")

      const before = sent.length
      yield* cache.invalidateTag("odd")
      yield* cache.clear
      expect(sent.slice(before).map(({ command }) => command)).toEqual(["script", "script"])
      expect(Math.max(...sent.slice(before).map(({ keys }) => keys))).toBeLessThanOrEqual(3)
      yield* cache.warm(ids)
      yield* cache.invalidate(1)
      expect(new Set(sent.map(({ command }) => command))).toEqual(new Set(["script", "MGET"]))
    })
  )

  it.scoped(
    "ensures the marker once for many writes, reads it for each fill, and creates it again after an eviction",
    () =>
      Effect.gen(function* () {
        const { redis, sent, server } = yield* recorded
        let whileLookedUp: Effect.Effect<unknown> = Effect.void
        const make = TypedCache.make({
          name: "item",
          key: Schema.NumberFromString,
          value: Schema.Number,
          timeToLive: "1 hour",
          jitter: 0,
          lookup: (id) => Effect.as(whileLookedUp, 10 * id)
        })
        const [cache, other] = yield* Effect.provideService(Effect.all([make, make]), RedisClient, redis)
        const asked = <A, E>(effect: Effect.Effect<A, E>) =>
          Effect.gen(function* () {
            const before = sent.length
            const answer = yield* effect
            // a read of this turn leaves after the answer
            yield* settle
            return [answer, sent.slice(before).map(({ command, keys }) => `${command} ${keys}`)] as const
          })
        const [script, ofMarker] = ["script 2", "script 1"]
        const marker = Effect.map(server.ttl("{item}:clear"), Option.map(Duration.toHours))

        // created with the cache for two hours, of which one must be left when an entry expires
        expect(yield* marker).toEqual(Option.some(2))
        expect(yield* asked(cache.set(1, 1))).toEqual([true, [script]])
        yield* TestClock.adjust("1 minute")
        expect(yield* asked(cache.set(1, 1))).toEqual([true, [ofMarker, script]])
        expect(yield* marker).toEqual(Option.some(3))
        expect(yield* asked(cache.set(2, 2))).toEqual([true, [script]])
        expect(yield* asked(cache.update(3, Effect.succeed(3)))).toEqual([3, [script, script]])
        expect(yield* asked(cache.get(4))).toEqual([40, ["MGET 2", script, script, "MGET 1"]])
        yield* TestClock.adjust("1 hour")
        expect(yield* asked(cache.set(5, 5))).toEqual([true, [script]])
        yield* TestClock.adjust("1 minute")
        expect(yield* asked(cache.set(5, 6))).toEqual([true, [ofMarker, script]])
        expect(yield* marker).toEqual(Option.some(3))

        // a set without its marker is a miss for all readers, and the next lookup creates the marker
        yield* server.del("{item}:clear")
        expect(yield* asked(cache.set(6, 6))).toEqual([true, [script]])
        expect(yield* other.getOption(6)).toEqual(Option.none())
        yield* TestClock.adjust("1 millis")
        expect(yield* other.get(6)).toBe(60)
        expect(yield* cache.getResult(6)).toMatchObject({ value: 60, source: "Redis" })
        // so is a marker that is evicted during the lookup: the caller gets the value, and no tier keeps it
        yield* TestClock.adjust("1 millis")
        whileLookedUp = Effect.orDie(server.del("{item}:clear"))
        expect(yield* cache.get(7)).toBe(70)
        whileLookedUp = Effect.void
        expect(yield* other.getOption(7)).toEqual(Option.none())
        yield* TestClock.adjust("1 millis")
        expect(yield* other.get(7)).toBe(70)
        expect(yield* cache.getResult(7)).toMatchObject({ source: "Redis" })
      })
  )

  it.scoped("treats an id of pattern characters like any other, and invalidates it alone", () =>
    Effect.gen(function* () {
      const { redis, sent } = yield* recorded
      const cache = yield* Effect.provideService(
        TypedCache.make({
          name: "user",
          key: Schema.String,
          value: Schema.String,
          timeToLive: "1 minute",
          lookup: Effect.succeed
        }),
        RedisClient,
        redis
      )
      const ids = ["*", "?", "[a-z]", "a", "b", "\\*"]
      yield* cache.getMany(ids)
      for (const id of ["*", "?", "[a-z]", "\\*"]) yield* cache.invalidate(id)
      yield* cache.getMany(ids)
      expect(yield* cache.stats).toMatchObject({ lookups: ids.length + 4, hitsRedis: 2 })
      expect(sent.some(({ command }) => command === "KEYS" || command === "SCAN")).toBe(false)
    })
  )
})

describe("the deletion of a pattern", () => {
  it.scoped("uses SCAN and UNLINK in batches and never KEYS, and unlinks nothing if nothing matches", () =>
    Effect.gen(function* () {
      const { redis, sent, server } = yield* recorded
      for (let i = 0; i < 1_500; i++) yield* server.set(`old:${i}`, "")
      yield* server.set("new:1", "")
      expect(yield* redis.delPattern("missing:*")).toBe(0)
      expect(new Set(sent.map(({ command }) => command))).toEqual(new Set(["SCAN"]))
      expect(yield* redis.delPattern("old:*")).toBe(1_500)
      expect(new Set(sent.map(({ command }) => command))).toEqual(new Set(["SCAN", "UNLINK"]))
      const unlinked = sent.filter(({ command }) => command === "UNLINK")
      expect(unlinked.length).toBeGreaterThan(1)
      expect(yield* server.get("new:1")).toMatchObject({ _tag: "Some" })
    })
  )
})
