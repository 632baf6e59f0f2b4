/** What a cache of one process stores, serves and looks up. */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as LocalCache from "../../../src/cache/LocalCache.js"
import { observedCaches } from "../../../src/cache/observe/ObservedCaches.js"
import * as TestDatabase from "../../support/cache/TestDatabase.js"
import { NotFound } from "../../support/cache/TestDatabase.js"
import { settle, until } from "../../support/until.js"

type Settings = Partial<LocalCache.Options<string, number, NotFound, never>>
type Cache = LocalCache.LocalCache<string, number, LocalCache.ReadError<NotFound, never, undefined>>

const world = (rows: Readonly<Record<string, number>>, settings: Settings = {}) =>
  Effect.gen(function* () {
    const database = TestDatabase.make(Object.entries(rows))
    const cache: Cache = yield* LocalCache.make({
      name: "local",
      key: Schema.String,
      value: Schema.Number,
      timeToLive: "1 minute",
      jitter: 0,
      local: { capacity: 100 },
      lookup: database.lookup,
      ...settings
    })
    return { cache, database }
  })

const read = (cache: Cache, options: LocalCache.ReadOptions = {}, id = "a") =>
  Effect.map(cache.getResult(id, options), ({ source, value }) => [source, value] as const)

describe("a value in the memory of the process", () => {
  it.scoped("is served for its time, and then while it is refreshed, also while refreshing fails", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 1 }, { staleFor: "1 hour", refresh: { pause: "1 second" } })
      expect(yield* read(cache)).toEqual(["Lookup", 1])
      yield* TestClock.adjust("59999 millis")
      expect(yield* read(cache)).toEqual(["Local", 1])
      yield* TestClock.adjust("1 millis")
      database.rows.delete("a")
      for (let i = 0; i < 3; i++) {
        expect(yield* read(cache)).toEqual(["Stale", 1])
        yield* settle
      }
      expect(database.lookups()).toBe(2)
      database.rows.set("a", 2)
      yield* TestClock.adjust("1 second")
      expect(yield* read(cache)).toEqual(["Stale", 1])
      yield* settle
      expect(yield* read(cache)).toEqual(["Local", 2])
      database.rows.delete("a")
      yield* TestClock.adjust("61 minutes")
      expect(yield* Effect.flip(cache.get("a"))).toEqual(new NotFound({ id: "a" }))
    })
  )

  it.scoped("is never served stale once it was invalidated", () =>
    Effect.gen(function* () {
      const settings: Settings = { staleFor: "1 hour", tags: () => ["tag"] }
      for (const how of ["invalidate", "invalidateTag", "clear"] as const) {
        const { cache, database } = yield* world({ a: 1 }, settings)
        yield* cache.get("a")
        yield* TestClock.adjust("1 minute")
        database.rows.delete("a")
        yield* how === "clear" ? cache.clear : how === "invalidate" ? cache.invalidate("a") : cache.invalidateTag("tag")
        expect(yield* Effect.flip(cache.get("a"))).toEqual(new NotFound({ id: "a" }))
        expect(yield* cache.getOption("a")).toEqual(Option.none())
      }
    })
  )

  it.scoped("is refreshed ahead, by one lookup", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 1 }, { refresh: { ahead: { after: 0.5 } } })
      yield* cache.get("a")
      yield* TestClock.adjust("30 seconds")
      database.rows.set("a", 2)
      database.hold()
      for (let i = 0; i < 5; i++) expect(yield* read(cache)).toEqual(["Local", 1])
      expect(database.lookups()).toBe(2)
      database.release()
      yield* settle
      expect(yield* read(cache)).toEqual(["Local", 2])
    })
  )

  it.scoped("keeps no longer than the tier does, and no more than its bounds", () =>
    Effect.gen(function* () {
      const short = yield* world({ a: 1 }, { local: { capacity: 10, timeToLive: "5 seconds" } })
      yield* short.cache.get("a")
      yield* TestClock.adjust("5 seconds")
      expect(yield* read(short.cache)).toEqual(["Lookup", 1])
      const few = yield* world({ a: 1, b: 2, c: 3 }, { local: { capacity: 2 } })
      yield* few.cache.getMany(["a", "b", "c"])
      expect(yield* few.cache.stats).toMatchObject({ local: 2, evictions: 1 })
      const small = yield* world({ a: 1, b: 22, c: 123456 }, { local: { capacity: 10, maxBytes: 5 } })
      yield* small.cache.getMany(["a", "b", "c"])
      expect(yield* small.cache.stats).toMatchObject({ local: 2, localBytes: 3 })
      expect([yield* small.cache.set("c", 123456), yield* small.cache.set("c", 1)]).toEqual([false, true])
    })
  )

  it.scoped(
    "is answered to every waiting caller and not stored where its time to live is zero, and what it replaces does not stay",
    () =>
      Effect.gen(function* () {
        const { cache, database } = yield* world({ a: 1 }, { timeToLive: (value) => (value === 0 ? 0 : "1 minute") })
        yield* cache.get("a")
        database.rows.set("a", 0)
        expect(yield* cache.refresh("a")).toBe(0)
        expect(yield* cache.getOption("a")).toEqual(Option.none())
        database.hold()
        const callers = yield* Effect.fork(Effect.replicateEffect(cache.get("a"), 10, { concurrency: "unbounded" }))
        yield* database.begun(3)
        yield* settle
        database.release()
        yield* Fiber.join(callers)
        expect(database.lookups()).toBe(3)
        expect(yield* cache.set("a", 0)).toBe(false)
      })
  )

  it.scoped("is the object itself, of any type, without a schema", () =>
    Effect.gen(function* () {
      const found = { big: 1n, at: new Date(0), map: new Map([["a", Number.NaN]]) }
      const cache = yield* LocalCache.make({
        name: "objects",
        key: Schema.Struct({ user: Schema.String, page: Schema.Int }),
        timeToLive: "1 minute",
        local: { capacity: 10 },
        lookup: () => Effect.succeed(found)
      })
      expect(yield* cache.get({ user: "ada", page: 1 })).toBe(found)
      expect(yield* cache.getResult({ page: 1, user: "ada" })).toMatchObject({ source: "Local", value: found })
    })
  )
})

describe("a load in the process", () => {
  it.scoped("of a value with an invalidated tag is not stored, and one with other tags is", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 1, b: 2 }, { tags: (value) => [value === 2 ? "even" : "odd"] })
      database.hold()
      const before = yield* Effect.fork(cache.getMany(["a", "b"]))
      yield* database.begun(2)
      yield* cache.invalidateTag("odd")
      database.rows.set("a", 3)
      const after = yield* Effect.fork(cache.getMany(["a", "b"]))
      yield* settle
      database.release()
      expect(yield* Fiber.join(before)).toEqual([1, 2])
      expect(yield* Fiber.join(after)).toEqual([3, 2])
      expect(yield* cache.getMany(["a", "b"])).toEqual([3, 2])
      expect(database.lookups()).toBe(3)
      expect((yield* cache.stats).fillsRejected).toBe(1)
    })
  )

  it.scoped("is not stored after a set or a clear has overtaken it", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 1, b: 1 })
      database.hold()
      const loads = yield* Effect.fork(cache.getMany(["a", "b"]))
      yield* database.begun(2)
      yield* cache.clear
      expect(yield* cache.set("a", 2)).toBe(true)
      database.rows.set("b", 2)
      database.release()
      expect(yield* Fiber.join(loads)).toEqual([1, 1])
      expect(yield* cache.getMany(["a", "b"])).toEqual([2, 2])
      expect(database.lookups()).toBe(3)
      expect((yield* cache.stats).fillsRejected).toBe(2)
    })
  )

  it.scoped("of a value without a time to live leaves a value that was set meanwhile", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 0 }, { timeToLive: (value) => (value === 0 ? 0 : "1 minute") })
      database.hold()
      const load = yield* Effect.fork(cache.get("a"))
      yield* database.begun(1)
      yield* cache.set("a", 1)
      database.release()
      expect(yield* Fiber.join(load)).toBe(0)
      expect(yield* read(cache)).toEqual(["Local", 1])
    })
  )

  it.scoped("by refresh leaves the value to other callers until it has a newer one, and after it fails", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 1 })
      yield* cache.get("a")
      database.rows.set("a", 2)
      database.hold()
      const refreshing = yield* Effect.fork(cache.refresh("a"))
      yield* database.begun(2)
      expect(yield* read(cache)).toEqual(["Local", 1])
      database.release()
      expect(yield* Fiber.join(refreshing)).toBe(2)
      database.rows.delete("a")
      expect(yield* Effect.flip(cache.refresh("a"))).toEqual(new NotFound({ id: "a" }))
      expect(yield* read(cache)).toEqual(["Local", 2])
    })
  )

  it.scoped("does not store what it has read before a refresh that has ended", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 1 })
      let isFirst = true
      const slow = yield* Deferred.make<void>()
      const { cache: slowOnce } = yield* world(
        { a: 1 },
        {
          lookup: (id) =>
            Effect.flatMap(database.lookup(id), (value) => {
              if (!isFirst) return Effect.succeed(value)
              isFirst = false
              return Effect.as(Deferred.await(slow), value)
            })
        }
      )
      const old = yield* Effect.fork(slowOnce.get("a"))
      yield* database.begun(1)
      database.rows.set("a", 2)
      expect(yield* slowOnce.refresh("a")).toBe(2)
      yield* Deferred.succeed(slow, undefined)
      expect(yield* Fiber.join(old)).toBe(1)
      expect(yield* slowOnce.get("a")).toBe(2)
      expect(cache.name).toBe("local")
    })
  )

  it.scoped("runs once for callers that want a younger value than the running lookup has, after that lookup", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 1 })
      database.hold()
      const first = yield* Effect.fork(cache.get("a"))
      yield* database.begun(1)
      yield* TestClock.adjust("10 seconds")
      const young = { maxAge: "5 seconds" } as const
      const strict = yield* Effect.fork(Effect.replicateEffect(cache.get("a", young), 10, { concurrency: "unbounded" }))
      yield* settle
      expect(database.lookups()).toBe(1)
      database.rows.set("a", 2)
      database.release()
      expect(yield* Fiber.join(first)).toBe(1)
      expect(new Set(yield* Fiber.join(strict))).toEqual(new Set([2]))
      expect(database.lookups()).toBe(2)
      yield* TestClock.adjust("4 seconds")
      expect(yield* read(cache, young)).toEqual(["Local", 2])
      expect(yield* read(cache, { local: false })).toEqual(["Lookup", 2])
      yield* Effect.all([cache.get("a", { maxAge: 0 }), cache.getOption("a", { maxAge: 0 })])
      expect(database.lookups()).toBe(4)
    })
  )

  it.scoped("ends with its last caller where it waits for another lookup, and leaves that one alone", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 1 })
      database.hold()
      const first = yield* Effect.fork(cache.get("a"))
      yield* database.begun(1)
      yield* TestClock.adjust("10 seconds")
      const strict = yield* Effect.fork(cache.get("a", { maxAge: "1 second" }))
      yield* settle
      yield* Fiber.interrupt(strict)
      database.release()
      expect(yield* Fiber.join(first)).toBe(1)
      yield* settle
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("may share its call with others, receive the previous value, and answer that it has not changed", () =>
    Effect.gen(function* () {
      const seen: Array<ReadonlyArray<string | undefined>> = []
      const { cache, database } = yield* world({ a: 1, b: 2, c: 3 })
      const batched = yield* LocalCache.make({
        name: "batched",
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        staleFor: "1 hour",
        jitter: 0,
        local: { capacity: 10 },
        lookup: database.lookup,
        lookupMany: (ids, previous) => {
          seen.push(previous.map((each) => Option.getOrUndefined(each)?.versionTag))
          return Effect.succeed(
            ids.map((id, i) =>
              Either.right(
                Option.isSome(previous[i] ?? Option.none())
                  ? LocalCache.notModified
                  : LocalCache.versioned(database.rows.get(id) ?? 0, `v${id}`)
              )
            )
          )
        }
      })
      expect(yield* batched.getMany(["a", "b"])).toEqual([1, 2])
      yield* TestClock.adjust("2 minutes")
      expect(yield* batched.getMany(["a", "b"])).toEqual([1, 2])
      yield* settle
      expect(yield* batched.getResult("a")).toMatchObject({ source: "Local", value: 1 })
      expect(seen).toEqual([
        [undefined, undefined],
        ["va", "vb"]
      ])
      expect(yield* Effect.forEach(["a", "b"], cache.request, { batching: true })).toEqual([1, 2])
    })
  )

  it.scoped("answers every caller when the scope of the cache is closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { cache, database } = yield* Scope.extend(world({ a: 1 }), scope)
      database.hold()
      const caller = yield* Effect.fork(cache.get("a"))
      yield* database.begun(1)
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isInterrupted(yield* Fiber.await(caller))).toBe(true)
      yield* until("the lookup has stopped", () => database.running() === 0)
    })
  )
})

describe("an update in the process", () => {
  it.scoped("stores its value, over what was loaded meanwhile", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 1 })
      yield* cache.get("a")
      const end = yield* Deferred.make<void>()
      const updating = yield* Effect.fork(cache.update("a", Effect.as(Deferred.await(end), 2)))
      yield* settle
      expect(yield* read(cache)).toEqual(["Lookup", 1])
      yield* Deferred.succeed(end, undefined)
      expect(yield* Fiber.join(updating)).toBe(2)
      expect(yield* read(cache)).toEqual(["Local", 2])
      expect(database.lookups()).toBe(2)
    })
  )

  it.scoped("stores nothing after another write of the key, since nobody knows which was the later one", () =>
    Effect.gen(function* () {
      const { cache, database } = yield* world({ a: 0 })
      const end = yield* Deferred.make<void>()
      const slow = yield* Effect.fork(cache.update("a", Effect.as(Deferred.await(end), 1)))
      yield* settle
      database.rows.set("a", 2)
      expect(yield* cache.update("a", Effect.succeed(2))).toBe(2)
      yield* Deferred.succeed(end, undefined)
      expect(yield* Fiber.join(slow)).toBe(1)
      expect(yield* read(cache)).toEqual(["Lookup", 2])
    })
  )
})

describe("a cache of one process", () => {
  class Missing extends Schema.TaggedError<Missing>()("Missing", {}) {}

  it.scoped("keeps the errors of negative caching for their own time", () =>
    Effect.gen(function* () {
      let lookups = 0
      const cache = yield* LocalCache.make({
        name: "negative",
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 hour",
        staleFor: "1 hour",
        jitter: 0,
        negative: { error: Missing, timeToLive: "10 seconds" },
        local: { capacity: 10 },
        lookup: () =>
          Effect.suspend(() => {
            lookups++
            return new Missing()
          })
      })
      for (let i = 0; i < 3; i++) expect(yield* Effect.flip(cache.get("a"))).toEqual(new Missing())
      expect(lookups).toBe(1)
      yield* TestClock.adjust("10 seconds")
      yield* Effect.flip(cache.get("a"))
      expect(lookups).toBe(2)
    })
  )

  it.scoped("interrupts a lookup after its hard timeout", () =>
    Effect.gen(function* () {
      const cache = yield* LocalCache.make({
        name: "slow",
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 hour",
        refresh: { hardTimeout: "1 second" },
        local: { capacity: 10 },
        lookup: () => Effect.never
      })
      const reading = yield* Effect.fork(Effect.flip(cache.get("a")))
      yield* settle
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(reading)).toMatchObject({ _tag: "LookupTimeout", cache: "slow" })
    })
  )

  it.scoped("warms keys that are not fresh, and says how far it is", () =>
    Effect.gen(function* () {
      const { cache } = yield* world({ a: 1, b: 2 })
      yield* cache.get("a")
      expect(yield* cache.warm(["a", "b", "c"])).toEqual({ done: 3, loaded: 1, alreadyThere: 1, failed: 1, cursor: 3 })
      expect((yield* cache.stats).local).toBe(2)
    })
  )

  it.scoped("has events and counts, and is among the caches that telemetry observes", () =>
    Effect.gen(function* () {
      const { cache } = yield* world({ a: 1 })
      const events = yield* Effect.fork(Stream.runCollect(Stream.take(cache.events, 4)))
      yield* settle
      yield* cache.get("a")
      yield* cache.get("a")
      yield* cache.invalidate("a")
      expect(Array.from(yield* Fiber.join(events))).toMatchObject([
        { _tag: "Miss", key: "local:a" },
        { _tag: "Lookup", key: "local:a", isSuccess: true },
        { _tag: "Hit", key: "local:a", tier: "Local" },
        { _tag: "Invalidation", of: "Key", name: "local:a", by: "Self" }
      ])
      expect(yield* cache.stats).toMatchObject({
        hitsLocal: 1,
        hitsRedis: 0,
        misses: 1,
        lookups: 1,
        local: 0,
        outbox: 0
      })
      expect(Array.from(observedCaches.members, ({ name }) => name)).toContain("local")
      expect(yield* cache.isAvailable).toBe(true)
    })
  )

  it.scoped("dies of options that cannot be right, with their names", () =>
    Effect.gen(function* () {
      for (const [settings, problem] of [
        [{ local: { capacity: 0 } }, 'LocalCache "local": option `local.capacity`'],
        [{ jitter: 2 }, 'LocalCache "local": option `jitter`'],
        [{ value: undefined, local: { capacity: 1, maxBytes: 1 } }, "option `local.maxBytes` needs `value`"],
        [{ name: "lock:it" }, "no cache can have the name"]
      ] as const) {
        expect(Cause.pretty(yield* Effect.flip(Effect.sandbox(world({}, settings))))).toContain(problem)
      }
    })
  )
})
