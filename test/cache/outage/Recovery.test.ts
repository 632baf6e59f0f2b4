/** What a cache does when Redis is back: it sends its outbox before it reads. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { RedisServerError, RedisTimeout, RedisUnavailable } from "../../../src/redis/RedisError.js"
import { hits, inTime, processes, read } from "../../support/cache/CacheProcesses.js"
import { settle, until } from "../../support/until.js"

describe("a cache after an outage", () => {
  // with `revalidate` every entry is looked up again, which would hide the work of the outbox
  const trust = { outage: { after: "trust" } } as const

  it.scoped("never serves a key that it invalidated during the outage, and replays the outbox before it reads", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 }, trust)
      yield* one.cache.get("a")
      yield* one.connection.cut
      database.rows.set("a", 2)
      expect(yield* one.cache.invalidate("a")).toBe(false)
      expect((yield* one.cache.stats).outbox).toBe(1)
      yield* one.connection.restore
      yield* inTime("it reads from Redis again", () =>
        Effect.gen(function* () {
          const { source, value } = yield* Effect.orDie(one.cache.getResult("a"))
          expect(value).toBe(2)
          return source === "Redis"
        })
      )
      expect((yield* read(other.cache))[1]).toBe(2)
      expect((yield* one.cache.stats).outbox).toBe(0)
    })
  )

  it.scoped("reads no pending key of its outbox from Redis, and reads the other keys", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1, b: 1 }, trust)
      yield* one.cache.getMany(["a", "b"])
      one.connection.failWith(new RedisTimeout({ command: "invalidate", waitedMillis: 1000 }))
      expect(yield* one.cache.invalidate("a")).toBe(false)
      one.connection.failWith(undefined)
      expect(yield* read(one.cache, "a")).toEqual(["Degraded", 1, "InvalidationPending"])
      expect(yield* read(one.cache, "b")).toEqual(["Redis", 1, undefined])
      yield* hits(one.cache, "a")
    })
  )

  it.scoped("sends the outbox at once when its circuit closes", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      yield* one.cache.get("a")
      yield* Effect.zipRight(one.connection.circuit("Open"), settle)
      one.connection.failWith(new RedisUnavailable({ reason: "CircuitOpen" }))
      database.rows.set("a", 2)
      expect(yield* one.cache.invalidate("a")).toBe(false)
      // its pauses have become long
      yield* TestClock.adjust("1 minute")
      one.connection.failWith(undefined)
      yield* Effect.zipRight(one.connection.circuit("Closed"), settle)
      // the clock stands still
      yield* until("the outbox is empty", () => Effect.map(one.cache.stats, ({ outbox }) => outbox === 0))
      expect((yield* read(other.cache))[1]).toBe(2)
    })
  )

  it.scoped("sends the outbox at once when it is connected again, however long its pauses have become", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1 })
      yield* one.connection.cut
      yield* one.cache.invalidate("a")
      yield* TestClock.adjust("1 minute")
      yield* one.connection.restore
      // the clock stands still
      yield* until("the outbox is empty", () => Effect.map(one.cache.stats, ({ outbox }) => outbox === 0))
      yield* until("it reads from Redis", () =>
        Effect.map(Effect.orDie(read(one.cache)), ([source]) => source === "Redis" || source === "Lookup")
      )
    })
  )

  it.scoped("reads the other keys while Redis still rejects a pending invalidation", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1, b: 1 }, trust)
      yield* one.cache.get("b")
      yield* one.connection.cut
      expect(yield* one.cache.invalidate("a")).toBe(false)
      one.connection.reject(
        "cache.invalidate",
        new RedisServerError({ command: "EVALSHA", code: "NOPERM", detail: "" })
      )
      yield* one.connection.restore
      yield* hits(one.cache, "b")
      expect(yield* read(one.cache, "a")).toEqual(["Degraded", 1, "InvalidationPending"])
      one.connection.reject("cache.invalidate", undefined)
      yield* hits(one.cache, "a")
    })
  )

  it.scoped("treats the entries of a tag as misses until its invalidation is acknowledged, and no others", () =>
    Effect.gen(function* () {
      const tags = (value: number) => (value === 9 ? ["nine"] : ["other"])
      const { database, one, other } = yield* processes({ a: 9, b: 1 }, { ...trust, tags })
      yield* one.cache.getMany(["a", "b"])
      database.rows.set("a", 10)
      one.connection.reject("cache.moveTag", new RedisTimeout({ command: "cache.moveTag", waitedMillis: 1000 }))
      expect(yield* one.cache.invalidateTag("nine")).toBe(false)
      expect(yield* one.cache.getOption("a")).toEqual(Option.none())
      expect(yield* read(one.cache, "b")).toEqual(["Redis", 1, undefined])
      one.connection.reject("cache.moveTag", undefined)
      yield* inTime("it is replayed", () => Effect.map(one.cache.stats, ({ outbox }) => outbox === 0))
      expect(yield* other.cache.getOption("a")).toEqual(Option.none())
      expect((yield* read(other.cache, "a"))[1]).toBe(10)
    })
  )

  it.scoped(
    "does not trust a late reply from before the invalidation of its tag, even when that was acknowledged",
    () =>
      Effect.gen(function* () {
        const { database, one } = yield* processes({ a: 1 }, { ...trust, tags: () => ["t"] })
        yield* one.cache.get("a")
        yield* hits(one.cache)
        database.rows.set("a", 2)
        one.connection.reject("cache.moveTag", new RedisTimeout({ command: "cache.moveTag", waitedMillis: 1000 }))
        expect(yield* one.cache.invalidateTag("t")).toBe(false)
        const release = one.connection.holdReplies("MGET")
        const reading = yield* Effect.fork(one.cache.get("a"))
        yield* settle
        one.connection.reject("cache.moveTag", undefined)
        yield* inTime("it is replayed", () => Effect.map(one.cache.stats, ({ outbox }) => outbox === 0))
        yield* release
        expect(yield* Fiber.join(reading)).toBe(2)
      })
  )

  it.scoped("emits the events Degradation and Recovery once each", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1 })
      const seen: Array<string> = []
      yield* Effect.forkScoped(Stream.runForEach(one.cache.events, ({ _tag }) => Effect.sync(() => seen.push(_tag))))
      yield* settle
      yield* Effect.zipRight(one.connection.cut, settle)
      yield* Effect.replicateEffect(one.cache.get("a"), 5)
      yield* one.connection.restore
      yield* hits(one.cache)
      yield* settle
      expect(seen.filter((tag) => tag === "Degradation" || tag === "Recovery")).toEqual(["Degradation", "Recovery"])
    })
  )

  it.scoped("clears everything when its outbox overflows, and reads nothing until then", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes(
        { a: 1, b: 1, c: 1 },
        { outage: { ...trust.outage, outboxCapacity: 2 } }
      )
      yield* one.cache.getMany(["a", "b", "c"])
      yield* one.connection.cut
      for (const id of ["a", "b", "c"]) {
        database.rows.set(id, 2)
        yield* one.cache.invalidate(id)
      }
      expect((yield* one.cache.stats).outbox).toBe(1)
      yield* one.connection.restore
      for (const id of ["a", "b", "c"]) expect((yield* read(one.cache, id))[1]).toBe(2)
      yield* inTime("the clear is acknowledged", () => Effect.map(one.cache.stats, ({ outbox }) => outbox === 0))
      for (const id of ["a", "b", "c"]) {
        expect((yield* read(one.cache, id))[1]).toBe(2)
        expect((yield* read(other.cache, id))[1]).toBe(2)
      }
    })
  )
})
