/** A cache that is switched off at run time, and on again. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../src/cache/TypedCache.js"
import * as RuntimeSettings from "../../src/settings/RuntimeSettings.js"
import * as CacheWorld from "../support/cache/CacheWorld.js"
import { pass, settle, until } from "../support/until.js"
import { by, on, processes, resultOf } from "./SettingsWorld.js"

const off = { enabled: false }

describe("a cache that is switched off", () => {
  it.scoped("looks every read up in every process, and reads and stores nothing", () =>
    Effect.gen(function* () {
      const { database, key, one, operator, other, set } = yield* processes({ a: 1, b: 2 })
      yield* one.cache.get("a")
      yield* set(off)
      database.rows.set("a", 3)
      for (const { cache } of [one, other]) {
        expect(yield* resultOf(cache)).toEqual(["Degraded", 3, "SwitchedOff"])
        expect(yield* cache.get("a")).toBe(3)
        expect(yield* cache.getMany(["a", "b"])).toEqual([3, 2])
        expect(yield* cache.getOption("a")).toEqual(Option.none())
        expect(yield* cache.isAvailable).toBe(false)
        expect((yield* cache.stats).local).toBe(0)
        expect(yield* cache.stats).toMatchObject({ redisFailures: 0 })
      }
      expect(yield* operator.get(key("b"))).toEqual(Option.none())
      const sent = one.connection.commands()
      yield* one.cache.get("b")
      expect(one.connection.commands()).toBe(sent)
    })
  )

  it.scoped("still invalidates what it sets and updates, and says that it stores nothing", () =>
    Effect.gen(function* () {
      const { key, one, operator, set } = yield* processes({ a: 1, b: 2 })
      yield* one.cache.getMany(["a", "b"])
      yield* set(off)
      expect(yield* one.cache.set("a", 5)).toBe(false)
      expect(yield* one.cache.update("b", Effect.succeed(6))).toBe(6)
      expect(yield* operator.mget([key("a"), key("b")])).toEqual([Option.none(), Option.none()])
      expect((yield* resultOf(one.cache))[1]).toBe(1)
    })
  )

  it.scoped("serves nothing from before when it is on again, neither of Redis nor of a local tier", () =>
    Effect.gen(function* () {
      const { database, one, other, server, set } = yield* processes({ a: 1, b: 2 })
      yield* one.cache.getMany(["a", "b"])
      yield* CacheWorld.inLocalTier(other.cache, "a")
      yield* set(off)
      // another program changes the rows, and invalidates nothing
      database.rows.set("a", 10).set("b", 20)
      server.tick()
      yield* set({ enabled: true })
      for (const { cache } of [other, one]) expect(yield* cache.getMany(["a", "b"])).toEqual([10, 20])
      expect((yield* resultOf(one.cache))[0]).toMatch(CacheWorld.hit)
    })
  )

  it.scoped("is on again when its time has ended, without what a process stored that had not heard of it", () =>
    Effect.gen(function* () {
      const { cache, database, one, server, set } = yield* processes({ a: 1 })
      const unaware = yield* server.connect
      const deaf = yield* cache().pipe(on(unaware.redis))
      yield* set(off, { for: "10 seconds" })
      yield* deaf.get("a")
      database.rows.set("a", 2)
      server.tick()
      yield* pass("10 seconds")
      expect((yield* resultOf(one.cache)).slice(0, 2)).toEqual(["Lookup", 2])
      yield* CacheWorld.inLocalTier(one.cache, "a")
    })
  )

  it.scoped("serves nothing from before also where every process ended while it was off", () =>
    Effect.gen(function* () {
      const { database, one, server, set, start, stop, unset } = yield* processes({ a: 1 })
      yield* one.cache.get("a")
      server.tick()
      yield* set(off)
      yield* stop
      database.rows.set("a", 2)
      yield* unset
      expect((yield* resultOf((yield* start).cache)).slice(0, 2)).toEqual(["Lookup", 2])
    })
  )

  it.scoped("gives a reader no lookup from before another process's invalidation", () =>
    Effect.gen(function* () {
      const gates = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      let lookups = 0
      const { database, one, other, set } = yield* processes({ a: 1 }, (database) => ({
        lookup: (id) =>
          Effect.suspend(() => {
            const value = database.rows.get(id) ?? 0
            const gate = gates[lookups++]
            return gate === undefined ? Effect.succeed(value) : Effect.as(Deferred.await(gate), value)
          })
      }))
      yield* set(off)
      const early = yield* Effect.fork(one.cache.get("a"))
      yield* settle
      database.rows.set("a", 2)
      yield* one.connection.gap
      one.connection.deafen(true)
      yield* other.cache.invalidate("a")
      const late = yield* Effect.fork(one.cache.get("a"))
      yield* settle
      for (const gate of gates) yield* Deferred.succeed(gate, undefined)
      expect([yield* Fiber.join(early), yield* Fiber.join(late)]).toEqual([1, 2])
    })
  )

  it.scoped("runs the lookup also where it fails without Redis, and bounds lookups elsewhere", () =>
    Effect.gen(function* () {
      const { name, one, operator, set } = yield* processes(
        { a: 1 },
        {
          outage: { maxLookups: 1, maxWaiting: 0 },
          lookup: () => Effect.never
        }
      )
      const failing = yield* TypedCache.make({
        name: `${name}:failing`,
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        outage: { onUnavailable: "fail" },
        lookup: () => Effect.succeed(7)
      }).pipe(on(one.connection.redis))
      yield* set(off)
      yield* on(operator)(RuntimeSettings.set(`${name}:failing`, off, { by }))
      yield* settle
      expect(yield* failing.getResult("a")).toMatchObject({ value: 7, source: "Degraded", reason: "SwitchedOff" })
      yield* Effect.fork(one.cache.get("a"))
      yield* settle
      expect(yield* Effect.flip(one.cache.get("b"))).toMatchObject({ _tag: "LookupOverloaded" })
    })
  )

  it.scoped("that is switched on while Redis is away serves nothing from before when Redis is back", () =>
    Effect.gen(function* () {
      const { database, one, other, server, set } = yield* processes({ a: 1 })
      yield* one.cache.get("a")
      yield* set(off, { for: "10 seconds" })
      database.rows.set("a", 2)
      server.tick()
      yield* one.connection.cut
      yield* other.connection.cut
      yield* pass("11 seconds")
      expect((yield* resultOf(one.cache)).slice(0, 2)).toEqual(["Degraded", 2])
      yield* one.connection.restore
      yield* until("it reads from Redis", () =>
        Effect.zipRight(
          pass("100 millis"),
          Effect.map(Effect.orDie(resultOf(one.cache)), ([source]) => source !== "Degraded")
        )
      )
      expect((yield* resultOf(one.cache))[1]).toBe(2)
    })
  )
})
