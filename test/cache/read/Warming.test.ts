/** Warming many ids with few lookups at once: progress, stops and resumptions. */
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import { layerOff } from "../../../src/redis/RedisClient.js"
import { InvalidArgument } from "../../../src/redis/RedisError.js"
import { hits, inTime, processes, read } from "../../support/cache/CacheProcesses.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import type { NotFound } from "../../support/cache/TestDatabase.js"
import { pass, settle, until } from "../../support/until.js"

const numbers = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`id${i}`, i]))
const rows = numbers(100)
const ids = Object.keys(rows)

describe("warming", () => {
  it.scoped("looks up the missing ids, few at once, and no other", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes(rows)
      yield* other.cache.getMany(ids.slice(0, 30))
      database.hold()
      const warming = yield* Effect.fork(one.cache.warm(ids, { concurrency: 5 }))
      yield* database.begun(35)
      yield* settle
      expect(database.running()).toBe(5)
      database.release()
      expect(yield* Fiber.join(warming)).toEqual({ done: 100, loaded: 70, alreadyThere: 30, failed: 0, cursor: 100 })
      expect(database.calls().flat()).toHaveLength(100)
      expect(yield* other.cache.getMany(ids)).toEqual(Object.values(rows))
      expect(yield* one.cache.warm(new Set(ids))).toMatchObject({ loaded: 0, alreadyThere: 100 })
      expect(database.lookups()).toBe(100)
    })
  )

  it.scoped("fills the batches of a source that takes several keys", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes(rows, ({ lookupMany }) => ({ lookupMany, maxBatch: 20 }))
      expect(yield* one.cache.warm(ids)).toMatchObject({ loaded: 100 })
      expect(database.calls().map((keys) => keys.length)).toEqual([20, 20, 20, 20, 20])
      expect(database.mostAtOnce()).toBe(1)
    })
  )

  it.scoped("reports its progress and its failures, and does not stop for a failure", () =>
    Effect.gen(function* () {
      const { one } = yield* processes(numbers(6))
      const told: Array<TypedCache.WarmProgress<string, NotFound | TypedCache.EngineError<"lookup">>> = []
      const given = ["id0", "nobody", "id1", "", "id2", "id2", "id3", "id4", "id5"]
      const summary = yield* one.cache.warm(given, {
        concurrency: 1,
        onProgress: (progress) => Effect.sync(() => told.push(progress))
      })
      expect(summary).toEqual({ done: 9, loaded: 6, alreadyThere: 1, failed: 2, cursor: 9 })
      expect(
        told.map(({ failures, ...counts }) => [counts, failures.map(({ error, key }) => [key, error._tag])])
      ).toEqual([
        [
          { done: 4, loaded: 2, alreadyThere: 0, failed: 2, cursor: 4 },
          [
            ["nobody", "NotFound"],
            ["", "InvalidKey"]
          ]
        ],
        [{ done: 8, loaded: 5, alreadyThere: 1, failed: 2, cursor: 8 }, []],
        [summary, []]
      ])
      const stream = one.cache.warmStream(given, { concurrency: 1 })
      expectTypeOf(stream).toEqualTypeOf<
        Stream.Stream<
          TypedCache.WarmProgress<string, NotFound | TypedCache.EngineError<"lookup">>,
          TypedCache.WarmStopped
        >
      >()
      const cursors = yield* Stream.runCollect(Stream.map(stream, ({ cursor }) => cursor))
      expect(Chunk.toReadonlyArray(cursors)).toEqual([4, 8, 9])
    })
  )

  it.scoped("continues from the cursor of an earlier run, and reads no earlier id", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes(rows)
      const half = yield* one.cache.warmStream(ids, { concurrency: 5 }).pipe(
        Stream.takeUntil(({ done }) => done >= 40),
        Stream.runLast,
        Effect.map(Option.getOrThrow)
      )
      expect(half).toMatchObject({ done: 40, cursor: 40 })
      yield* settle
      expect(database.calls().flat()).toEqual(ids.slice(0, 40))
      const before = yield* one.cache.stats
      expect(yield* one.cache.warm(ids, { from: half.cursor })).toEqual({
        done: 60,
        loaded: 60,
        alreadyThere: 0,
        failed: 0,
        cursor: 100
      })
      expect(database.calls().flat()).toEqual(ids)
      expect((yield* one.cache.stats).lookups).toBe(before.lookups + 60)
    })
  )

  it.scoped("stops its lookups when it is interrupted", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes(rows)
      database.hold()
      const warming = yield* Effect.fork(one.cache.warm(ids, { concurrency: 5 }))
      yield* database.begun(5)
      yield* Fiber.interrupt(warming)
      yield* until("the lookups have stopped", () => database.running() === 0)
      expect(database.lookups()).toBe(5)
    })
  )

  it.scoped("takes ids from a stream, completes them, and fails like the stream", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes(rows)
      const source = Stream.concat(Stream.fromIterable(ids.slice(0, 8)), Stream.fail("no more ids" as const))
      const warming = one.cache.warm(source, { concurrency: 1 })
      expectTypeOf(warming).toEqualTypeOf<
        Effect.Effect<TypedCache.WarmSummary, TypedCache.WarmStopped | "no more ids">
      >()
      expect(yield* Effect.flip(warming)).toBe("no more ids")
      expect(database.lookups()).toBe(8)
      expect(yield* one.cache.warm(Stream.fromIterable(ids.slice(0, 8)))).toMatchObject({ alreadyThere: 8 })
    })
  )

  it.scoped("loads ids that a tag or a clear invalidated, though Redis still holds them", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1, b: 2 }, { tags: (value) => [`tag:${value}`] })
      yield* one.cache.getMany(["a", "b"])
      yield* TestClock.adjust("1 second")
      yield* other.cache.invalidateTag("tag:1")
      yield* TestClock.adjust("1 second")
      expect(yield* one.cache.warm(["a", "b"])).toMatchObject({ loaded: 1, alreadyThere: 1 })
      yield* other.cache.clear
      yield* TestClock.adjust("1 second")
      expect(yield* one.cache.warm(["a", "b"])).toMatchObject({ loaded: 2, alreadyThere: 0 })
      expect(database.lookups()).toBe(5)
    })
  )

  it.scoped("refreshes stale values, and waits for them", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 }, { staleFor: "1 hour" })
      yield* one.cache.get("a")
      yield* TestClock.adjust("2 minutes")
      database.rows.set("a", 2)
      expect(yield* one.cache.warm(["a"])).toMatchObject({ loaded: 1, alreadyThere: 0 })
      expect(yield* read(one.cache)).toEqual(["Redis", 2, undefined])
    })
  )
})

describe("warming while Redis is away", () => {
  it.scoped("is not assumed for a lookup that fails with InvalidArgument, which is a failure of the id", () =>
    Effect.gen(function* () {
      const invalid = new InvalidArgument({ command: "SET", argument: "key", value: "b", allowed: "another" })
      const cache = yield* TypedCache.make({
        name: "checked",
        key: Schema.String,
        value: Schema.String,
        timeToLive: "1 hour",
        outage: { onUnavailable: "fail" },
        lookup: (id) => (id === "b" ? Effect.fail(invalid) : Effect.succeed(id))
      })
      const warming = yield* Effect.fork(cache.warm(["a", "b", "c"]))
      yield* inTime("it has ended", () => Effect.map(Fiber.poll(warming), Option.isSome))
      expect(yield* Fiber.join(warming)).toMatchObject({ done: 3, loaded: 2, failed: 1 })
    }).pipe(Effect.provide(MemoryRedis.layer()))
  )

  it.scoped("looks up nothing, and continues when Redis is back", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes(rows)
      yield* Effect.zipRight(one.connection.cut, settle)
      const warming = yield* Effect.fork(one.cache.warm(ids))
      yield* Effect.zipRight(settle, pass("20 seconds"))
      expect(database.lookups()).toBe(0)
      yield* one.connection.restore
      yield* inTime("it has ended", () => Effect.map(Fiber.poll(warming), Option.isSome))
      expect(yield* Fiber.join(warming)).toMatchObject({ done: 100, loaded: 100 })
      yield* hits(one.cache, "id99")
    })
  )

  it.scoped("stops with a cursor when Redis stays away, and another run continues from it", () =>
    Effect.gen(function* () {
      const { database, name, one } = yield* processes(rows)
      const warming = yield* Effect.fork(
        Effect.flip(
          one.cache.warm(ids, {
            concurrency: 10,
            waitForRedis: "10 seconds",
            onProgress: () => Effect.zipRight(one.connection.cut, settle)
          })
        )
      )
      yield* inTime("it has stopped", () => Effect.map(Fiber.poll(warming), Option.isSome))
      const stopped = yield* Fiber.join(warming)
      expect(stopped).toEqual(
        new TypedCache.WarmStopped({
          cache: name,
          reason: "Disconnected",
          done: 40,
          loaded: 40,
          alreadyThere: 0,
          failed: 0,
          cursor: 40
        })
      )
      expect(stopped.message).toContain("before id 40")
      expect(database.lookups()).toBe(40)
      yield* one.connection.restore
      const rest = yield* Effect.fork(one.cache.warm(ids, { from: stopped.cursor }))
      yield* inTime("it has ended", () => Effect.map(Fiber.poll(rest), Option.isSome))
      expect(yield* Fiber.join(rest)).toMatchObject({ done: 60, loaded: 60, cursor: 100 })
      expect(database.calls().flat()).toEqual(ids)
    })
  )

  it.scoped("waits twice as long before each attempt, and begins again with each id that it completes", () =>
    Effect.gen(function* () {
      const loaded: Array<string> = []
      let before: (id: string) => Effect.Effect<void> = () => Effect.void
      const lookup = (id: string) =>
        Effect.suspend(() => {
          loaded.push(id)
          return Effect.as(before(id), 1)
        })
      const { one } = yield* processes(rows, { lookup })
      yield* Effect.zipRight(one.connection.cut, settle)
      const warming = yield* Effect.fork(
        one.cache.warm(ids.slice(0, 4), { concurrency: 1, waitForRedis: "10 seconds" })
      )
      yield* pass("6 seconds")
      yield* one.connection.restore
      before = (id) => (id === "id1" ? one.connection.cut : Effect.void)
      // attempts after 250 and 500 ms, 1, 2 and 4 seconds
      yield* pass("1700 millis")
      expect(loaded).toEqual([])
      yield* pass("100 millis")
      expect(loaded.slice(0, 2)).toEqual(["id0", "id1"])
      // away again, for longer than what is left of the first ten seconds
      before = () => Effect.void
      yield* pass("6 seconds")
      expect(yield* Fiber.poll(warming)).toEqual(Option.none())
      yield* one.connection.restore
      // after 15.5 seconds, and not after 15.75 as without the new beginning
      yield* pass("1800 millis")
      expect(Option.isSome(yield* Fiber.poll(warming))).toBe(true)
      expect(yield* Fiber.join(warming)).toMatchObject({ done: 4, loaded: 4 })
    })
  )

  it.scoped("counts an id as loaded only if its value was stored", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 })
      database.hold()
      const warming = yield* Effect.fork(one.cache.warm(["a"]))
      yield* database.begun(1)
      yield* Effect.zipRight(one.connection.cut, settle)
      database.release()
      yield* Effect.zipRight(settle, TestClock.adjust("1 second"))
      expect(yield* Fiber.poll(warming)).toEqual(Option.none())
      yield* one.connection.restore
      yield* inTime("it has ended", () => Effect.map(Fiber.poll(warming), Option.isSome))
      expect(yield* Fiber.join(warming)).toMatchObject({ loaded: 1 })
      expect((yield* read(one.cache))[0]).toBe("Redis")
    })
  )

  it.scoped.each([
    ["concurrency", { concurrency: 0 }],
    ["from", { from: Number.NaN }],
    ["waitForRedis", { waitForRedis: -1 }]
  ] as ReadonlyArray<[string, TypedCache.WarmOptions]>)(
    "dies when %s cannot be right, and looks up nothing",
    ([name, options]) =>
      Effect.gen(function* () {
        const { database, one } = yield* processes(rows)
        const cause = yield* Effect.flip(Effect.sandbox(one.cache.warm(ids, options)))
        expect(String(Cause.squash(cause))).toContain(`option \`${name}\` is`)
        expect(database.lookups()).toBe(0)
      })
  )

  it.scoped("stops at once when Redis is switched off", () =>
    Effect.gen(function* () {
      const world = CacheWorld.make(rows)
      const cache = yield* Effect.provide(world.cache(), layerOff)
      const stopped = yield* Effect.flip(cache.warm(ids))
      expect([stopped._tag, stopped.reason, stopped.cursor]).toEqual(["WarmStopped", "Disabled", 0])
      expect(world.database.lookups()).toBe(0)
    })
  )
})
