/** Which values a cache serves after an outage: entries and local values from before it may have been invalidated meanwhile. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { hits, inTime, processes, read } from "../../support/cache/CacheProcesses.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { settle, until } from "../../support/until.js"

describe("a cache after an outage", () => {
  // with `revalidate` every entry is looked up again, which would hide the work of the outbox
  const trust = { outage: { after: "trust" } } as const

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
