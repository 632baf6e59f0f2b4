/** Redis back after an outage: a value that was invalidated meanwhile, by any process, does not return. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { RedisServerError, RedisTimeout, RedisUnavailable } from "../../../src/redis/RedisError.js"
import { hits, inTime, processes, read } from "../../support/cache/CacheProcesses.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import * as Executors from "../../support/faults/Executors.js"
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

  it.scoped("distrusts no entry after its circuit was open on a connection that stood", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 }, { local: { capacity: 10, timeToLive: "1 minute" } })
      yield* CacheWorld.inLocalTier(one.cache, "a")
      yield* one.cache.get("b").pipe(Effect.ignore)
      yield* TestClock.adjust("1 second")
      const before = database.lookups()
      const commands = one.connection.commands()
      for (let opens = 0; opens < 3; opens++) {
        yield* Effect.zipRight(one.connection.circuit("Open"), settle)
        expect(yield* one.cache.isAvailable).toBe(false)
        yield* Effect.zipRight(one.connection.circuit("HalfOpen"), settle)
        yield* Effect.zipRight(one.connection.circuit("Closed"), settle)
        // at once, and without a query of the time
        expect(yield* one.cache.isAvailable).toBe(true)
      }
      expect(one.connection.commands()).toBe(commands)
      expect(yield* read(one.cache)).toEqual(["Local", 1, undefined])
      yield* one.connection.gap
      yield* until("the local tier is dropped", () => Effect.map(one.cache.stats, ({ local }) => local === 0))
      expect(yield* read(one.cache)).toEqual(["Redis", 1, undefined])
      expect(database.lookups()).toBe(before)
    })
  )

  it.scoped("distrusts older entries when the connection ended while its circuit was open", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 })
      yield* one.cache.get("a")
      yield* Effect.zipRight(one.connection.circuit("Open"), settle)
      yield* Effect.zipRight(one.connection.cut, settle)
      database.rows.set("a", 2)
      yield* one.connection.restore
      yield* Effect.zipRight(one.connection.circuit("Closed"), settle)
      yield* inTime("it reads from Redis again", () => one.cache.isAvailable)
      expect((yield* read(one.cache))[1]).toBe(2)
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
      one.connection.refuse(
        "cache.invalidate",
        new RedisServerError({ command: "EVALSHA", code: "NOPERM", detail: "" })
      )
      yield* one.connection.restore
      yield* hits(one.cache, "b")
      expect(yield* read(one.cache, "a")).toEqual(["Degraded", 1, "InvalidationPending"])
      one.connection.refuse("cache.invalidate", undefined)
      yield* hits(one.cache, "a")
    })
  )

  it.scoped("treats the entries of a tag as misses until its invalidation is acknowledged, and no others", () =>
    Effect.gen(function* () {
      const tags = (value: number) => (value === 9 ? ["nine"] : ["other"])
      const { database, one, other } = yield* processes({ a: 9, b: 1 }, { ...trust, tags })
      yield* one.cache.getMany(["a", "b"])
      database.rows.set("a", 10)
      one.connection.refuse("cache.moveTag", new RedisTimeout({ command: "cache.moveTag", waitedMillis: 1000 }))
      expect(yield* one.cache.invalidateTag("nine")).toBe(false)
      expect(yield* one.cache.getOption("a")).toEqual(Option.none())
      expect(yield* read(one.cache, "b")).toEqual(["Redis", 1, undefined])
      one.connection.refuse("cache.moveTag", undefined)
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
        one.connection.refuse("cache.moveTag", new RedisTimeout({ command: "cache.moveTag", waitedMillis: 1000 }))
        expect(yield* one.cache.invalidateTag("t")).toBe(false)
        const release = one.connection.holdReplies("MGET")
        const reading = yield* Effect.fork(one.cache.get("a"))
        yield* settle
        one.connection.refuse("cache.moveTag", undefined)
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

  it.scoped("keeps a clear, a set and an update that were not acknowledged as invalidations", () =>
    Effect.gen(function* () {
      const writes = [
        (cache: CacheWorld.Cache) => cache.clear,
        (cache: CacheWorld.Cache) => cache.set("a", 2),
        (cache: CacheWorld.Cache) => cache.update("a", Effect.succeed(2))
      ]
      for (const write of writes) {
        for (const applied of [true, false]) {
          const { database, one, other } = yield* processes({ a: 1 }, trust)
          yield* one.cache.get("a")
          if (applied) one.connection.loseReplies(true)
          else one.connection.failWith(new RedisTimeout({ command: "", waitedMillis: 1000 }))
          database.rows.set("a", 2)
          // a set of unknown outcome returns only when it can no longer arrive
          yield* Effect.raceFirst(
            Effect.asVoid<unknown, unknown, never>(write(one.cache)),
            Effect.forever(TestClock.adjust("100 millis"))
          )
          one.connection.loseReplies(false)
          one.connection.failWith(undefined)
          // a later write, by a process whose messages arrive
          database.rows.set("a", 3)
          yield* other.cache.invalidate("a")
          yield* hits(one.cache)
          expect((yield* read(one.cache))[1]).toBe(3)
          expect((yield* read(other.cache))[1]).toBe(3)
        }
      }
    })
  )

  it.scoped("keeps a set that reached the server past its deadline as an invalidation", () =>
    Effect.gen(function* () {
      const { cache, database, one } = yield* processes({ a: 1 })
      const { redis } = one.connection
      const fork = yield* FiberSet.makeRuntime()
      const slow = Executors.replacing(redis, ({ unsafeScript }) => ({
        unsafeScript: (script, input, onReply) => {
          const send = Effect.sync(() => unsafeScript(script, input, onReply))
          fork(script.name === "cache.set" ? Effect.delay(send, "300 millis") : send)
        }
      }))
      const own = yield* Effect.provideService(cache(), RedisClient, slow)
      yield* settle
      yield* one.cache.set("a", 1)
      database.rows.set("a", 2)
      const setting = yield* Effect.fork(own.set("a", 2))
      yield* settle
      yield* TestClock.adjust("300 millis")
      expect(yield* Fiber.join(setting)).toBe(false)
      expect((yield* read(own))[1]).toBe(2)
    })
  )

  it.scoped("extends its marker again after each reconnection, since the server may be another one", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1 })
      const commandsOf = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.gen(function* () {
          const before = one.connection.commands()
          yield* effect
          return one.connection.commands() - before
        })
      const set = one.cache.set("a", 1)
      yield* set
      expect(yield* commandsOf(set)).toBe(1)
      yield* one.connection.cut
      yield* one.connection.restore
      yield* settle
      expect(yield* one.cache.isAvailable).toBe(true)
      expect(yield* commandsOf(set)).toBe(2)
      expect(yield* commandsOf(set)).toBe(1)
    })
  )

  it.scoped("returns from a set whose reply was lost when the set can no longer arrive", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1 })
      one.connection.loseReplies(true)
      const setting = yield* Effect.fork(one.cache.set("a", 2))
      yield* settle
      yield* TestClock.adjust("499 millis")
      yield* settle
      expect(yield* Fiber.poll(setting)).toEqual(Option.none())
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(setting)).toBe(false)
    })
  )

  it.scoped("invalidates the key of an update whose Begin has failed", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      yield* one.cache.get("a")
      one.connection.refuse("cache.begin", new RedisServerError({ code: "OOM", detail: "no memory", command: "" }))
      database.rows.set("a", 2)
      expect(yield* one.cache.update("a", Effect.succeed(2))).toBe(2)
      expect(yield* read(other.cache)).toEqual(["Lookup", 2, undefined])
    })
  )

  it.scoped("ends the lease of an update whose value may not be stored", () =>
    Effect.gen(function* () {
      const { database, lease, one, other, server } = yield* processes(
        { a: 1 },
        { timeToLive: (value) => (value === 2 ? 0 : "1 minute") }
      )
      yield* one.cache.get("a")
      database.rows.set("a", 2)
      expect(yield* one.cache.update("a", Effect.succeed(2))).toBe(2)
      expect(yield* server.direct.get(lease("a"))).toEqual(Option.none())
      expect(yield* read(other.cache)).toEqual(["Lookup", 2, undefined])
    })
  )

  it.scoped("returns from an interrupted set only when the set can no longer arrive", () =>
    Effect.gen(function* () {
      const { cache, one } = yield* processes({ a: 1 })
      const { redis } = one.connection
      const hung = Executors.replacing(redis, ({ unsafeScript }) => ({
        unsafeScript: (script, input, onReply) => {
          if (script.name !== "cache.set") unsafeScript(script, input, onReply)
        }
      }))
      const own = yield* Effect.provideService(cache(), RedisClient, hung)
      const setting = yield* Effect.fork(own.set("a", 2))
      yield* settle
      yield* Fiber.interruptFork(setting)
      yield* settle
      yield* TestClock.adjust("499 millis")
      yield* settle
      expect(yield* Fiber.poll(setting)).toEqual(Option.none())
      yield* TestClock.adjust("1 millis")
      expect(Exit.isInterrupted(yield* Fiber.await(setting))).toBe(true)
    })
  )

  it.scoped("keeps an invalidation whose caller was interrupted while it was sent", () =>
    Effect.gen(function* () {
      const { cache, one } = yield* processes({ a: 1 })
      const { redis } = one.connection
      const hung: RedisClient.Service = {
        ...redis,
        run: (script) => (script.name === "cache.invalidate" ? () => Effect.never : redis.run(script))
      }
      const own = yield* Effect.provideService(cache(), RedisClient, hung)
      const invalidating = yield* Effect.fork(own.invalidate("a"))
      yield* settle
      expect((yield* own.stats).outbox).toBe(0)
      yield* Fiber.interrupt(invalidating)
      expect((yield* own.stats).outbox).toBe(1)
    })
  )

  it.scoped("looks up entries from before the outage again, since others may have invalidated them", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      yield* one.cache.get("a")
      // the other process is cut off too, and ends with its outbox
      yield* Effect.all([one.connection.cut, other.connection.cut])
      database.rows.set("a", 2)
      yield* other.cache.invalidate("a")
      yield* one.connection.restore
      expect((yield* read(one.cache))[1]).toBe(2)
      yield* hits(one.cache)
      expect((yield* read(one.cache))[1]).toBe(2)
    })
  )

  it.scoped("serves entries from before the outage with `after: trust`", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 }, trust)
      yield* one.cache.get("a")
      yield* one.connection.cut
      yield* one.connection.restore
      yield* hits(one.cache)
      expect(database.lookups()).toBeLessThanOrEqual(2)
    })
  )

  it.scoped("drops its local tier, since it heard no messages meanwhile", () =>
    Effect.gen(function* () {
      const local = { capacity: 10, timeToLive: "1 minute" } as const
      const { database, one, other } = yield* processes({ a: 1 }, { local })
      yield* CacheWorld.inLocalTier(one.cache, "a")
      yield* one.connection.cut
      database.rows.set("a", 2)
      expect(yield* other.cache.invalidate("a")).toBe(true)
      yield* settle
      expect(yield* read(one.cache)).toEqual(["Local", 1, undefined])
      yield* one.connection.restore
      yield* inTime("the new value is seen", () => Effect.map(Effect.orDie(one.cache.get("a")), (value) => value === 2))
      expect((yield* read(one.cache))[1]).toBe(2)
    })
  )

  it.scoped("drops values that it looked up during the outage, since it heard no invalidations of others", () =>
    Effect.gen(function* () {
      const local = { capacity: 10, timeToLive: "1 minute" } as const
      const { database, one, other } = yield* processes({ a: 1 }, { local })
      yield* Effect.all([one.connection.cut, other.connection.cut])
      expect((yield* read(one.cache))[0]).toBe("Degraded")
      database.rows.set("a", 2)
      // it ends with its outbox
      yield* other.cache.invalidate("a")
      yield* one.connection.reconnect
      yield* settle
      expect((yield* read(one.cache))[1]).toBe(2)
    })
  )

  it.scoped("drops its local tier after any gap in its messages, and reads Redis again", () =>
    Effect.gen(function* () {
      const { one } = yield* processes({ a: 1 }, { local: { capacity: 10, timeToLive: "1 minute" } })
      yield* CacheWorld.inLocalTier(one.cache, "a")
      yield* one.connection.gap
      yield* until("it is dropped", () => Effect.map(one.cache.stats, (stats) => stats.local === 0))
      expect((yield* read(one.cache))[0]).toBe("Redis")
    })
  )
})
