/** Late messages and replies: a process must notice that they describe the past. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { inTime, processes, read } from "../../support/cache/CacheProcesses.js"
import { settle, until } from "../../support/until.js"

const local = { capacity: 10, timeToLive: "1 minute" } as const

describe("while messages are late", () => {
  it.scoped("the local time to live of a looked-up value counts from before its markers were read", () =>
    Effect.gen(function* () {
      const local = { capacity: 10, timeToLive: "5 seconds" } as const
      const { database, one, other } = yield* processes({ a: 1 }, { local, tags: () => ["t"] })
      one.connection.deafen(true)
      const release = one.connection.holdReplies("cache.ensureMarkers")
      const loading = yield* Effect.fork(one.cache.get("a"))
      yield* settle
      database.rows.set("a", 2)
      yield* other.cache.invalidateTag("t")
      yield* TestClock.adjust("4 seconds")
      yield* release
      expect(yield* Fiber.join(loading)).toBe(1)
      yield* TestClock.adjust("1 second")
      expect(yield* one.cache.get("a")).toBe(2)
    })
  )

  it.scoped("a caller from after an invalidation receives no value that was read before it", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      one.connection.deafen(true)
      database.hold()
      const early = yield* Effect.fork(one.cache.get("a"))
      yield* database.begun(1)
      database.rows.set("a", 2)
      expect(yield* other.cache.invalidate("a")).toBe(true)
      // it joins the load of the first caller, whose value was read before the invalidation
      const late = yield* Effect.fork(one.cache.get("a"))
      yield* until("both wait", () => Effect.map(one.cache.stats, ({ misses }) => misses === 2))
      expect(database.lookups()).toBe(1)
      database.release()
      expect(yield* Fiber.join(early)).toBe(1)
      expect(yield* Fiber.join(late)).toBe(2)
      expect((yield* one.cache.stats).fillsRejected).toBe(1)
    })
  )

  it.scoped("a caller from after a clear receives no value that was read before it", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      one.connection.deafen(true)
      database.hold()
      const early = yield* Effect.fork(one.cache.get("a"))
      yield* database.begun(1)
      database.rows.set("a", 2)
      yield* other.cache.clear
      const late = yield* Effect.fork(one.cache.get("a"))
      yield* until("both wait", () => Effect.map(one.cache.stats, ({ misses }) => misses === 2))
      database.release()
      expect(yield* Fiber.join(early)).toBe(1)
      expect(yield* Fiber.join(late)).toBe(2)
    })
  )

  it.scoped("a caller from after the end of a lookup does not join its load", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      one.connection.deafen(true)
      const release = one.connection.holdReplies("cache.fill")
      const early = yield* Effect.fork(one.cache.get("a"))
      yield* until("it is filled", () => Effect.map(other.cache.getOption("a"), ({ _tag }) => _tag === "Some"))
      database.rows.set("a", 2)
      yield* other.cache.invalidate("a")
      const late = yield* Effect.fork(one.cache.get("a"))
      yield* until("both wait", () => Effect.map(one.cache.stats, ({ misses }) => misses === 2))
      yield* settle
      yield* release
      expect(yield* Fiber.join(early)).toBe(1)
      expect(yield* Fiber.join(late)).toBe(2)
    })
  )

  it.scoped("a caller that waits for a lease finds the value without a message", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      other.connection.deafen(true)
      database.hold()
      const first = yield* Effect.fork(one.cache.get("a"))
      yield* database.begun(1)
      const second = yield* Effect.fork(other.cache.get("a"))
      yield* until("it waits", () => Effect.map(other.cache.stats, ({ leaseWaits }) => leaseWaits === 1))
      database.release()
      yield* Fiber.join(first)
      yield* inTime("it is answered", () => Effect.map(Fiber.poll(second), ({ _tag }) => _tag === "Some"))
      expect(yield* Fiber.join(second)).toBe(1)
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("a caller that waits for a lease resumes at the message, and not only at its next poll", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      database.hold()
      const first = yield* Effect.fork(one.cache.get("a"))
      yield* database.begun(1)
      const second = yield* Effect.fork(other.cache.get("a"))
      yield* until("it waits", () => Effect.map(other.cache.stats, ({ leaseWaits }) => leaseWaits === 1))
      database.release()
      // the clock of this test stands still
      expect([yield* Fiber.join(first), yield* Fiber.join(second)]).toEqual([1, 1])
      expect(database.lookups()).toBe(1)
    })
  )
})

describe("a reply that is late", () => {
  it.scoped("does not enter the local tier when its own process has invalidated the key meanwhile", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 }, { local })
      const release = one.connection.holdReplies("MGET")
      yield* other.cache.set("a", 1)
      const reading = yield* Effect.fork(read(one.cache))
      yield* settle
      database.rows.set("a", 2)
      yield* one.cache.invalidate("a")
      yield* release
      expect(yield* Fiber.join(reading)).toEqual(["Redis", 1, undefined])
      expect((yield* read(one.cache))[1]).toBe(2)
    })
  )

  it.scoped("does not enter the local tier when a message or a gap has arrived meanwhile", () =>
    Effect.gen(function* () {
      for (const cause of ["message", "gap"] as const) {
        const { database, one, other } = yield* processes({ a: 1 }, { local })
        yield* other.cache.set("a", 1)
        const release = one.connection.holdReplies("MGET")
        const reading = yield* Effect.fork(read(one.cache))
        yield* settle
        database.rows.set("a", 2)
        if (cause === "gap") one.connection.deafen(true)
        yield* other.cache.invalidate("a")
        if (cause === "gap") yield* one.connection.gap
        yield* settle
        yield* release
        expect(yield* Fiber.join(reading)).toEqual(["Redis", 1, undefined])
        expect([cause, (yield* read(one.cache))[1]]).toEqual([cause, 2])
      }
    })
  )

  it.scoped("is not used when it belongs to a connection that has ended", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* processes({ a: 1 })
      yield* one.cache.set("a", 1)
      const release = one.connection.holdReplies("MGET")
      const reading = yield* Effect.fork(read(one.cache))
      yield* settle
      yield* one.connection.cut
      database.rows.set("a", 2)
      yield* other.cache.invalidate("a")
      yield* one.connection.restore
      yield* settle
      yield* release
      expect((yield* Fiber.join(reading))[1]).toBe(2)
    })
  )

  it.scoped("confirms no fill when the lease was granted on a connection that has ended", () =>
    Effect.gen(function* () {
      const { database, one } = yield* processes({ a: 1 })
      database.hold()
      const load = yield* Effect.fork(read(one.cache))
      yield* database.begun(1)
      yield* one.connection.cut
      yield* one.connection.restore
      yield* settle
      database.release()
      expect((yield* Fiber.join(load)).slice(0, 2)).toEqual(["Degraded", 1])
    })
  )
})
