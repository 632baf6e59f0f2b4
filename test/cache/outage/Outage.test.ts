/** Redis away or failing: every read is answered, lookups are bounded, and the log reports the outage once. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { LookupOverloaded } from "../../../src/cache/lookup/LookupRunner.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { layerOff, RedisClient } from "../../../src/redis/RedisClient.js"
import { type RedisError, RedisServerError, RedisTimeout, RedisUnavailable } from "../../../src/redis/RedisError.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { hits, inTime, processes, read } from "../../support/cache/CacheProcesses.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { NotFound } from "../../support/cache/TestDatabase.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { settle, until } from "../../support/until.js"

describe("a cache without Redis", () => {
  it.scoped("answers every read by a lookup, with the reason", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 })
      one.connection.failWith(new RedisTimeout({ command: "MGET", waitedMillis: 1000 }))
      expect(yield* read(one.cache)).toEqual(["Degraded", 1, "RedisTimeout"])
      one.connection.failWith(new RedisServerError({ command: "MGET", code: "OOM", detail: "OOM" }))
      expect(yield* read(one.cache)).toEqual(["Degraded", 1, "RedisServerError"])
      yield* Effect.zipRight(one.connection.circuit("Open"), settle)
      expect(yield* read(one.cache)).toEqual(["Degraded", 1, "CircuitOpen"])
      yield* Effect.zipRight(one.connection.cut, settle)
      expect(yield* read(one.cache)).toEqual(["Degraded", 1, "Disconnected"])
      expect(yield* one.cache.getOption("a")).toEqual(Option.none())
      expect(yield* one.cache.stats).toMatchObject({ degraded: 4, lookups: 4 })
      expect(database.lookups()).toBe(4)
    })
  )

  it.scoped("passes the lookup's own error unchanged, after one lookup", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({})
      yield* one.connection.cut
      expect(yield* Effect.flip(one.cache.get("a"))).toEqual(new NotFound({ id: "a" }))
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("publishes nothing for a write that Redis has not acknowledged", () =>
    Effect.gen(function* () {
      const { one, other } = yield* processes({ a: 1 }, { local: { capacity: 10, timeToLive: "1 minute" } })
      yield* CacheWorld.inLocalTier(other.cache, "a")
      one.connection.failWith(new RedisServerError({ command: "set", code: "READONLY", detail: "READONLY" }))
      expect(yield* one.cache.set("a", 2)).toBe(false)
      expect(yield* one.cache.invalidate("a")).toBe(false)
      yield* settle
      expect(yield* read(other.cache)).toEqual(["Local", 1, undefined])
    })
  )

  it.scoped("looks up once a key that was invalidated while getMany had not yet loaded it", () =>
    Effect.gen(function* () {
      const lookups: Array<string> = []
      const latches = { a: Effect.unsafeMakeLatch(), b: Effect.unsafeMakeLatch() }
      const { one } = yield* processes(
        {},
        {
          lookup: (id) =>
            Effect.suspend(() => {
              lookups.push(id)
              return Effect.as(latches[id === "a" ? "a" : "b"].await, 1)
            })
        }
      )
      one.connection.failWith(new RedisTimeout({ command: "MGET", waitedMillis: 1000 }))
      const many = yield* Effect.fork(one.cache.getMany(["a", "b"], { concurrency: 1 }))
      yield* settle
      yield* one.cache.invalidate("b")
      const before = yield* Effect.fork(one.cache.get("b"))
      yield* settle
      expect(lookups).toEqual(["a", "b"])
      yield* latches.a.open
      yield* settle
      const after = yield* Effect.fork(one.cache.get("b"))
      yield* settle
      yield* latches.b.open
      expect([yield* Fiber.join(many), yield* Fiber.join(before), yield* Fiber.join(after)]).toEqual([[1, 1], 1, 1])
      expect(lookups).toEqual(["a", "b"])
    })
  )

  it.scoped("waits for one failing command per read", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1 })
      one.connection.failWith(new RedisTimeout({ command: "MGET", waitedMillis: 1000 }))
      const before = one.connection.commands()
      yield* one.cache.get("a")
      expect(one.connection.commands()).toBe(before + 1)
    })
  )

  it.scoped("waits for one failing command also for a late caller, and answers it with a newer value", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 })
      one.connection.failWith(new RedisTimeout({ command: "MGET", waitedMillis: 1000 }))
      const before = one.connection.commands()
      database.hold()
      const early = yield* Effect.fork(one.cache.get("a"))
      yield* database.begun(1)
      database.rows.set("a", 2)
      const late = yield* Effect.fork(one.cache.get("a"))
      yield* settle
      database.release()
      expect([yield* Fiber.join(early), yield* Fiber.join(late)]).toEqual([1, 2])
      expect(one.connection.commands()).toBe(before + 2)
    })
  )

  it.scoped(
    "answers with the value when only the fill fails, whether or not it was applied, and counts the failure",
    () =>
      Effect.gen(function* () {
        for (const applied of [true, false]) {
          const { database, one, other } = yield* processes({ a: 1 })
          database.hold()
          const load = yield* Effect.fork(read(one.cache))
          yield* database.begun(1)
          if (applied) one.connection.loseReplies(true)
          else one.connection.failWith(new RedisTimeout({ command: "fill", waitedMillis: 1000 }))
          database.release()
          expect(yield* Fiber.join(load)).toEqual(["Lookup", 1, undefined])
          yield* until("the failure is counted", () =>
            Effect.map(one.cache.stats, ({ redisFailures }) => redisFailures > 0)
          )
          // the lease could not be released: the other process waits for its end
          const next = yield* Effect.fork(read(other.cache))
          yield* inTime("the other is answered", () => Effect.map(Fiber.poll(next), Option.isSome))
          expect((yield* Fiber.join(next))[1]).toBe(1)
        }
      })
  )

  it.scoped("runs at most `maxLookups` lookups, lets `maxWaiting` callers wait, and rejects the rest at once", () =>
    Effect.gen(function* () {
      const ids = Array.from({ length: 20 }, (_, i) => `id${i}`)
      const rows = Object.fromEntries(ids.map((id, i) => [id, i]))
      const { database, name, one } = yield* processes(rows, { outage: { maxLookups: 3, maxWaiting: 5 } })
      yield* one.connection.cut
      database.hold()
      const callers = yield* Effect.forEach(ids, (id) => Effect.fork(Effect.either(one.cache.get(id))))
      yield* settle
      const rejected = yield* Effect.filter(callers, (fiber) => Effect.map(Fiber.poll(fiber), Option.isSome))
      expect(rejected).toHaveLength(12)
      for (const answer of yield* Effect.forEach(rejected, Fiber.join)) {
        expect(answer).toEqual(Either.left(new LookupOverloaded({ cache: name })))
      }
      database.release()
      const answers = yield* Effect.forEach(callers, Fiber.join)
      expect(answers.filter(Either.isRight)).toHaveLength(8)
      expect(database.mostAtOnce()).toBe(3)
      expect((yield* one.cache.stats).lookupsRejected).toBe(12)
      // every lookup returns its permit
      expect(yield* one.cache.get("id0")).toBe(0)
    })
  )

  it.scoped("grants the permit of an interrupted caller to the next one", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1, b: 2, c: 3 }, { outage: { maxLookups: 1, maxWaiting: 1 } })
      yield* one.connection.cut
      database.hold()
      const running = yield* Effect.fork(one.cache.get("a"))
      yield* database.begun(1)
      const waiting = yield* Effect.fork(one.cache.get("b"))
      yield* settle
      yield* Fiber.interruptAll([running, waiting])
      yield* settle
      database.release()
      expect(yield* one.cache.getMany(["a", "b"])).toEqual([1, 2])
    })
  )

  it.scoped("looks up once for all callers of the same key", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 })
      yield* one.connection.cut
      const answers = yield* Effect.replicateEffect(one.cache.get("a"), 1000, { concurrency: "unbounded" })
      expect(new Set(answers)).toEqual(new Set([1]))
      expect(database.lookups()).toBeLessThanOrEqual(3)
    })
  )

  it.scoped("looks up once for all callers of a key whose reads fail in one turn", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 })
      one.connection.failWith(new RedisTimeout({ command: "MGET", waitedMillis: 1000 }))
      database.hold()
      const asking = yield* Effect.fork(Effect.replicateEffect(one.cache.get("a"), 100, { concurrency: "unbounded" }))
      yield* database.begun(1)
      yield* settle
      database.release()
      expect(new Set(yield* Fiber.join(asking))).toEqual(new Set([1]))
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("keeps a looked-up value in the local tier for the local time to live", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 }, { local: { capacity: 10, timeToLive: "5 seconds" } })
      yield* one.connection.cut
      expect((yield* read(one.cache))[0]).toBe("Degraded")
      expect((yield* read(one.cache))[0]).toBe("Local")
      yield* TestClock.adjust("5 seconds")
      expect((yield* read(one.cache))[0]).toBe("Degraded")
      expect(database.lookups()).toBe(2)
    })
  )

  it.scoped("fails with the error of Redis with `onUnavailable: fail`, in the value and in the type", () =>
    Effect.gen(function* () {
      const server = yield* OutageRedis.make
      const connection = yield* server.connect
      const { database, name } = CacheWorld.make({ a: 1 })
      const options = {
        name,
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        lookup: database.lookup
      } as const
      const make = TypedCache.make({ ...options, outage: { onUnavailable: "fail" } })
      const { get } = yield* Effect.provideService(make, RedisClient, connection.redis)
      expect(yield* get("a")).toBe(1)
      yield* connection.cut
      expect(yield* Effect.flip(get("a"))).toEqual(new RedisUnavailable({ reason: "Disconnected" }))
      expect(database.lookups()).toBe(1)

      type Failure<Cache> = Cache extends TypedCache.TypedCache<string, number, infer E> ? E : never
      type Same<A, B> = [A, B] extends [B, A] ? true : false
      type Engine = NotFound | TypedCache.LookupCycle | import("../../../src/redis/RedisKey.js").InvalidKey
      const lookup = TypedCache.make(options)
      const failsWithRedis: Same<Failure<Effect.Effect.Success<typeof make>>, Engine | RedisError> = true
      const neverWithRedis: Same<Failure<Effect.Effect.Success<typeof lookup>>, Engine | LookupOverloaded> = true
      expect([failsWithRedis, neverWithRedis]).toEqual([true, true])
    })
  )

  it.scoped("works where Redis is switched off", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.make({ a: 1 })
      const own = yield* cache()
      expect(yield* read(own)).toEqual(["Degraded", 1, "Disabled"])
      expect(yield* own.set("a", 2)).toBe(false)
      expect(yield* own.invalidate("a")).toBe(false)
      expect(yield* own.update("a", Effect.succeed(3))).toBe(3)
      expect(yield* own.refresh("a")).toBe(1)
      expect(database.lookups()).toBe(2)
      // not kept in the outbox, since nothing is ever sent
      expect((yield* own.stats).outbox).toBe(0)
    }).pipe(Effect.provide(layerOff))
  )

  it.scoped("does not log an outage when only one key's invalidation is pending", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const { one } = yield* processes({ a: 1 })
      yield* Effect.gen(function* () {
        one.connection.failWith(new RedisTimeout({ command: "cache.invalidate", waitedMillis: 1000 }))
        expect(yield* one.cache.invalidate("a")).toBe(false)
        one.connection.failWith(undefined)
        expect(yield* read(one.cache)).toEqual(["Degraded", 1, "InvalidationPending"])
      }).pipe(Effect.provide(log.layer))
      expect(log.lines.filter(({ text }) => text.includes("away"))).toEqual([])
    })
  )

  it.scoped("logs the start of the outage once, and its end once", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const { one } = yield* Effect.provide(processes({ a: 1 }), log.layer)
      yield* Effect.gen(function* () {
        yield* one.connection.cut
        yield* Effect.replicateEffect(one.cache.get("a"), 50)
        yield* one.connection.restore
        yield* hits(one.cache)
        yield* Effect.replicateEffect(one.cache.get("a"), 50)
      }).pipe(Effect.provide(log.layer))
      const lines = log.lines.filter(({ level }) => level !== "DEBUG").map(({ text }) => text)
      expect(lines).toHaveLength(2)
      expect(lines[0]).toMatch(/Redis is away/)
      expect(lines[1]).toMatch(/answers again/)
    })
  )

  it.effect("answers every caller when its scope is closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { one } = yield* Scope.extend(processes({ a: 1 }), scope)
      const reading = yield* Effect.fork(Effect.exit(one.cache.get("a")))
      yield* Scope.close(scope, Exit.void)
      const late = yield* Effect.fork(Effect.exit(one.cache.get("a")))
      yield* settle
      expect(Option.isSome(yield* Fiber.poll(reading))).toBe(true)
      expect(Option.isSome(yield* Fiber.poll(late))).toBe(true)
    })
  )
})
