/** `local.keepStale`: the memory of a process answers while Redis and the source are both away. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/TestClock"
import type { InvalidKey } from "../../../src/redis/RedisKey.js"
import { hits, processes, read } from "../../support/cache/CacheProcesses.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { NotFound } from "../../support/cache/TestDatabase.js"
import { settle } from "../../support/until.js"

const local = { capacity: 10, timeToLive: "10 seconds", keepStale: "1 hour" } as const

/** A process whose memory holds 1 under "a", on a database that then loses the row: its lookups fail. */
const remembering = (settings: CacheWorld.SettingsOf = {}) =>
  Effect.gen(function* () {
    const world = yield* processes({ a: 1 }, { local, ...settings })
    yield* CacheWorld.inLocalTier(world.one.cache, "a")
    return { ...world, loseSource: Effect.sync(() => world.database.rows.delete("a")) }
  })

const away = ({ connection }: { readonly connection: { readonly cut: Effect.Effect<void> } }) =>
  Effect.zipRight(connection.cut, settle)

const failsFor = (cache: CacheWorld.Cache) => Effect.flip(cache.get("a"))

describe("the memory of a process", () => {
  it.scoped("serves a value past its time while Redis and its lookup fail, and says why it does", () =>
    Effect.gen(function* () {
      const { loseSource, one } = yield* remembering()
      yield* away(one)
      yield* loseSource
      // within its time it is a value like any other
      expect((yield* read(one.cache))[0]).toBe("Local")
      yield* TestClock.adjust("2 minutes")
      expect(yield* one.cache.getResult("a")).toMatchObject({
        value: 1,
        source: "Stale",
        reason: "Disconnected",
        lookupReason: "NotFound",
        age: Duration.minutes(2),
        timeLeft: Duration.zero
      })
      expect(yield* one.cache.get("a")).toBe(1)
      expect(yield* one.cache.getMany(["a"])).toEqual([1])
      expect(yield* one.cache.stats).toMatchObject({ staleServed: 3, degraded: 0 })
    })
  )

  it.scoped("ends with its duration, and is off by default", () =>
    Effect.gen(function* () {
      const { loseSource, one } = yield* remembering()
      yield* away(one)
      yield* loseSource
      yield* TestClock.adjust("60 minutes")
      expect(yield* one.cache.get("a")).toBe(1)
      yield* TestClock.adjust("11 seconds")
      expect(yield* failsFor(one.cache)).toEqual(new NotFound({ id: "a" }))

      const without = yield* remembering({ local: { capacity: 10, timeToLive: "10 seconds" } })
      yield* away(without.one)
      yield* without.loseSource
      yield* TestClock.adjust("11 seconds")
      expect(yield* failsFor(without.one.cache)).toEqual(new NotFound({ id: "a" }))
    })
  )

  it.scoped("does not answer for a lookup that succeeds, nor while Redis is there", () =>
    Effect.gen(function* () {
      const { database, loseSource, one } = yield* remembering({ timeToLive: "10 seconds" })
      yield* TestClock.adjust("11 seconds")
      yield* loseSource
      expect(yield* failsFor(one.cache)).toEqual(new NotFound({ id: "a" }))
      database.rows.set("a", 2)
      yield* away(one)
      expect((yield* read(one.cache)).slice(0, 2)).toEqual(["Degraded", 2])
    })
  )

  it.scoped("holds nothing that this process has invalidated, or has heard of", () =>
    Effect.gen(function* () {
      const writes: Record<
        string,
        (one: CacheWorld.Cache, other: CacheWorld.Cache) => Effect.Effect<unknown, InvalidKey>
      > = {
        invalidate: (one) => one.invalidate("a"),
        tag: (one) => one.invalidateTag("t"),
        clear: (one) => one.clear,
        heard: (_, other) => other.invalidate("a"),
        "heard tag": (_, other) => other.invalidateTag("t"),
        "heard clear": (_, other) => other.clear
      }
      for (const [what, write] of Object.entries(writes)) {
        for (const isAway of [true, false]) {
          const { loseSource, one, other } = yield* remembering({ tags: () => ["t"] })
          // in time or past it
          if (what.startsWith("heard")) yield* Effect.zipRight(write(one.cache, other.cache), settle)
          if (isAway) yield* away(one)
          if (!what.startsWith("heard")) yield* write(one.cache, other.cache)
          if (!isAway) yield* away(one)
          yield* loseSource
          yield* TestClock.adjust("11 seconds")
          expect([what, isAway, yield* failsFor(one.cache)]).toEqual([what, isAway, new NotFound({ id: "a" })])
        }
      }
    })
  )

  it.scoped("holds nothing from before the end of an outage: others may have invalidated it unheard", () =>
    Effect.gen(function* () {
      const { loseSource, one } = yield* remembering()
      yield* away(one)
      yield* one.connection.reconnect
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* away(one)
      yield* loseSource
      expect(yield* failsFor(one.cache)).toEqual(new NotFound({ id: "a" }))
    })
  )

  it.scoped("keeps the bound of a call", () =>
    Effect.gen(function* () {
      const { loseSource, one } = yield* remembering()
      yield* away(one)
      yield* loseSource
      yield* TestClock.adjust("1 minute")
      expect(Exit.isFailure(yield* Effect.exit(one.cache.get("a", { maxAge: "30 seconds" })))).toBe(true)
      expect(yield* one.cache.get("a", { maxAge: "2 minutes" })).toBe(1)
    })
  )

  it.scoped(
    "holds the value of a set or an update that Redis has not stored; when Redis is back, it is looked up",
    () =>
      Effect.gen(function* () {
        for (const write of ["set", "update"] as const) {
          const { database, loseSource, one, other } = yield* remembering()
          yield* away(one)
          const written = write === "set" ? one.cache.set("a", 2) : one.cache.update("a", Effect.succeed(2))
          yield* written
          yield* loseSource
          expect(yield* read(one.cache)).toEqual(["Stale", 2, "Disconnected"])
          // another process has written since, which this one cannot have heard
          database.rows.set("a", 3)
          yield* one.connection.reconnect
          yield* hits(one.cache)
          expect([yield* one.cache.get("a"), yield* other.cache.get("a")]).toEqual([3, 3])
        }
      })
  )
})
