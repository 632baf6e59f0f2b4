/** Options that change while caches run: two processes on one server, each with a connection of its own. */
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as LocalCache from "../../src/cache/LocalCache.js"
import * as RedisClient from "../../src/redis/RedisClient.js"
import * as RuntimeSettings from "../../src/settings/RuntimeSettings.js"
import * as CapturedLog from "../support/CapturedLog.js"
import { pass, settle, until } from "../support/until.js"
import { by, hash, on, processes, resultOf, timeLeft } from "./SettingsWorld.js"

describe("a setting at run time", () => {
  it.scoped("changes the time to live of new values in every process, and leaves the time of stored ones", () =>
    Effect.gen(function* () {
      const { one, other, set, unset } = yield* processes({ a: 1, b: 2, c: 3, d: 4 })
      expect(yield* timeLeft(one.cache, "a")).toBe(60)
      yield* set({ timeToLive: "5 minutes" })
      expect(yield* timeLeft(one.cache, "b")).toBe(300)
      expect(yield* timeLeft(other.cache, "c")).toBe(300)
      expect(yield* timeLeft(other.cache, "a")).toBe(60)
      yield* unset
      expect(yield* timeLeft(one.cache, "d")).toBe(60)
    })
  )

  it.scoped(
    "changes how long values are served stale: a shorter time of all, a longer one of those stored from then on",
    () =>
      Effect.gen(function* () {
        const { database, key, one, operator, other, set, unset } = yield* processes({ a: 1, b: 2, c: 3, d: 4 })
        yield* one.cache.get("a")
        yield* set({ staleFor: "1 hour" })
        yield* one.cache.get("b")
        yield* other.cache.set("c", 3)
        yield* other.cache.update("d", Effect.succeed(4))
        const kept = (id: string) => Effect.map(operator.send("TTL", key(id)), (left) => Math.ceil(Number(left) / 60))
        expect(yield* Effect.forEach(["a", "b", "c", "d"], kept)).toEqual([1, 61, 61, 61])
        database.rows.set("b", 20)
        yield* pass("2 minutes")
        expect((yield* other.cache.getResult("a")).source).toBe("Lookup")
        expect(yield* resultOf(other.cache, "b")).toEqual(["Stale", 2, undefined])
        yield* settle
        yield* pass("2 minutes")
        expect(yield* resultOf(one.cache, "c")).toEqual(["Stale", 3, undefined])
        // a shorter time holds at once, also of what Redis keeps
        yield* set({ staleFor: 0 })
        expect((yield* one.cache.getResult("d")).source).toBe("Lookup")
        yield* unset
        yield* pass("2 minutes")
        expect((yield* one.cache.getResult("d")).source).toBe("Lookup")
      })
  )

  it.scoped("stores a value however long it is fresh and stale together", () =>
    Effect.gen(function* () {
      const { key, one, operator, other, set } = yield* processes({ a: 1 })
      yield* set({ timeToLive: "10000 days", staleFor: "10000 days" })
      yield* one.cache.get("a")
      expect((yield* resultOf(other.cache))[0]).toMatch("Redis")
      // what every server keeps, Dragonfly as well
      const kept = Number(yield* operator.send("PTTL", key("a")))
      expect([kept > 0, kept <= 2 ** 28 * 1_000]).toEqual([true, true])
      expect(yield* one.cache.set("a", 2)).toBe(true)
    })
  )

  it.scoped("overrules a function, except for a value that it says not to store", () =>
    Effect.gen(function* () {
      const timeToLive = (value: number) => (value === 1 ? 0 : "1 minute")
      const { one, other, set } = yield* processes({ a: 1, b: 2 }, { timeToLive })
      yield* set({ timeToLive: "5 minutes" })
      expect(yield* timeLeft(one.cache, "b")).toBe(300)
      yield* one.cache.get("a")
      expect((yield* other.cache.getResult("a")).source).toBe("Lookup")
    })
  )

  it.scoped("is logged by each process with its operator, both values and its end", () =>
    Effect.gen(function* () {
      const { lines, name, set, unset } = yield* processes({ a: 1 })
      yield* set({ timeToLive: "5 minutes" }, { for: "1 hour" })
      const made = lines(name)
      expect(made.map(({ level }) => level)).toEqual(["INFO", "INFO"])
      expect(made[0]?.text).toMatch(
        `setting of the cache ${name}: timeToLive is 5m, before as built, by ada, until 1970-01-01T01:00:01`
      )
      yield* unset
      expect(lines(`timeToLive is as built, before 5m, by "bob"`)).toHaveLength(2)
    })
  )

  it.scoped("ends at its time, is gone from Redis then, and says so", () =>
    Effect.gen(function* () {
      const { lines, one, operator, set } = yield* processes({ a: 1, b: 2 })
      yield* set({ timeToLive: "5 minutes" }, { for: "10 seconds" })
      expect(yield* timeLeft(one.cache, "a")).toBe(300)
      yield* pass("10 seconds")
      expect(yield* timeLeft(one.cache, "b")).toBe(60)
      expect(lines("before 5m, by the end of its time")).toHaveLength(2)
      expect(yield* operator.send("EXISTS", hash)).toBe(0)
    })
  )

  it.scoped("is there after a restart, also for caches that are built before the layer or after it", () =>
    Effect.gen(function* () {
      const { cache, listen, server, set } = yield* processes({ a: 1, b: 2 })
      yield* set({ timeToLive: "5 minutes" })
      const early = yield* server.connect
      const built = yield* cache().pipe(on(early.redis))
      yield* listen(early)
      expect(yield* timeLeft(built, "a")).toBe(300)
      const late = yield* server.connect
      yield* listen(late)
      expect(yield* timeLeft(yield* cache().pipe(on(late.redis)), "b")).toBe(300)
    })
  )

  it.scoped("is gone after a restart where it is not stored", () =>
    Effect.gen(function* () {
      const { one, operator, set, start } = yield* processes({ a: 1, b: 2 })
      yield* set({ timeToLive: "5 minutes" }, { stored: false })
      expect(yield* timeLeft(one.cache, "a")).toBe(300)
      expect(yield* operator.send("EXISTS", hash)).toBe(0)
      expect(yield* timeLeft((yield* start).cache, "b")).toBe(60)
    })
  )

  it.scoped("reaches a process that missed the message, and stays while Redis is away", () =>
    Effect.gen(function* () {
      const { lines, one, other, set } = yield* processes({ a: 1, b: 2, c: 3 })
      yield* set({ timeToLive: "5 minutes" })
      yield* other.connection.cut
      yield* set({ timeToLive: "10 minutes" })
      yield* pass("31 seconds")
      expect(lines("settings cannot be read, and the last known ones stay")).toHaveLength(1)
      expect(yield* timeLeft(other.cache, "a")).toBe(300)
      expect(yield* timeLeft(one.cache, "b")).toBe(600)
      yield* other.connection.restore
      yield* until("it has the new setting", () =>
        Effect.zipRight(
          TestClock.adjust("100 millis"),
          Effect.sync(() => lines("is 10m").length === 2)
        )
      )
    })
  )

  it.scoped("reaches a process whose subscription lost the message, within half a minute", () =>
    Effect.gen(function* () {
      const { name, one, operator } = yield* processes({ a: 1 })
      const setting = { cache: name, option: "timeToLive", value: 300_000, by, at: 0 }
      yield* operator.send("HSET", hash, `cache:${name}:timeToLive`, JSON.stringify(setting))
      yield* pass("30 seconds")
      expect(yield* timeLeft(one.cache, "a")).toBe(300)
    })
  )

  it.scoped("raises the number of lookups for those that wait, and lowers it for the next ones", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let running = 0
      const { one, set } = yield* processes(
        {},
        {
          outage: { maxLookups: 1 },
          lookup: () =>
            Effect.zipRight(
              Effect.sync(() => {
                running++
              }),
              Effect.as(Deferred.await(gate), 1)
            )
        }
      )
      yield* set({ enabled: false })
      const reads = yield* Effect.fork(Effect.all(["a", "b", "c", "d"].map(one.cache.get), { concurrency: 4 }))
      yield* settle
      expect(running).toBe(1)
      yield* set({ outage: { maxLookups: 3 } })
      expect(running).toBe(3)
      yield* set({ outage: { maxLookups: 1 } })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(reads)
      expect(running).toBe(4)
    })
  )

  it.scoped("is rejected where the option would not accept it, before anything is sent", () =>
    Effect.gen(function* () {
      const { operator, set } = yield* processes({})
      const problem = (values: RuntimeSettings.Values, options: Partial<RuntimeSettings.ChangeOptions> = {}) =>
        Effect.map(Effect.flip(set(values, options)), ({ message }) => message)
      expect(yield* problem({ timeToLive: -1 })).toContain(
        "option `timeToLive` is -1; it must be a duration of at least 0"
      )
      expect(yield* problem({ staleFor: -1 })).toContain("option `staleFor` is -1; it must be a duration of at least 0")
      expect(yield* problem({ outage: { maxLookups: 0 } })).toContain("option `outage.maxLookups` is 0")
      expect(yield* problem({})).toContain("none of timeToLive, staleFor, outage.maxLookups and enabled is given")
      expect(yield* problem({ enabled: false }, { for: 0 })).toContain("`for` is 0; it must be more than 0")
      expect(yield* problem({ enabled: false }, { by: "ada\nroot" })).toContain("no control characters")
      expect(yield* operator.send("EXISTS", hash)).toBe(0)
    })
  )

  it.scoped("is none where the hash holds something else: that is logged once, without its content", () =>
    Effect.gen(function* () {
      const { log, name, one, operator, other, set } = yield* processes({ a: 1 })
      const setting = { cache: name, option: "timeToLive", value: 300_000, by, at: 0 }
      const field = `cache:${name}:timeToLive`
      const hostile: ReadonlyArray<readonly [field: string, text: string]> = [
        [field, JSON.stringify({ ...setting, value: -1 })],
        ["cache:other:timeToLive", JSON.stringify(setting)],
        [`cache:${name}:enabled`, JSON.stringify({ ...setting, option: "enabled", value: "secret" })],
        [`cache:${name}:outage.maxLookups`, JSON.stringify({ ...setting, option: "outage.maxLookups", value: 1.5 })],
        ["a\nb", "{secret"],
        ["__proto__", "{}"],
        ["cache:d:enabled", `{"cache":"d","option":{"toString":""}}`],
        ["c".repeat(10_000), JSON.stringify({ ...setting, by: "a\u2028b" })]
      ]
      yield* operator.send("HSET", hash, ...hostile.flat())
      yield* operator.publish(hash, "secret")
      yield* operator.publish(hash, `{"_tag":{"toString":""}}`)
      yield* operator.publish(hash, JSON.stringify({ _tag: "Set", texts: ["secret"] }))
      yield* operator.publish(
        hash,
        JSON.stringify({ _tag: "Unset", kind: "cache", name: "x", options: ["secret"], by: "eve" })
      )
      yield* settle
      yield* pass("2 minutes")
      expect(yield* timeLeft(one.cache, "a")).toBe(60)
      const rejected = log.lines.filter(({ text }) => text.startsWith("setting rejected"))
      // of two processes
      expect(rejected.filter(({ text }) => text.includes("field"))).toHaveLength(2 * hostile.length)
      expect(rejected.filter(({ text }) => text.includes("a message"))).toHaveLength(2 * 3)
      expect(rejected.every(({ level, text }) => level === "WARN" && text.length < 300 && !text.includes("\n"))).toBe(
        true
      )
      expect(log.lines.some(({ text }) => text.includes("secret"))).toBe(false)
      yield* set({ timeToLive: "5 minutes" })
      yield* one.cache.invalidate("a")
      expect(yield* timeLeft(other.cache, "a")).toBe(300)
    })
  )

  it.scoped("of the program is weaker than one of an operator", () =>
    Effect.gen(function* () {
      const { lines, name, one, set, unset } = yield* processes({ a: 1, b: 2, c: 3 })
      const changes = yield* Queue.unbounded<RuntimeSettings.ValuesByName>()
      yield* Layer.build(RuntimeSettings.fromStream(Stream.fromQueue(changes))).pipe(on(one.connection.redis))
      yield* Queue.offer(changes, { caches: { [name]: { timeToLive: "2 minutes" }, broken: { timeToLive: -1 } } })
      yield* settle
      expect(yield* timeLeft(one.cache, "a")).toBe(120)
      yield* set({ timeToLive: "5 minutes" })
      expect(yield* timeLeft(one.cache, "b")).toBe(300)
      yield* unset
      expect(yield* timeLeft(one.cache, "c")).toBe(120)
      expect(lines("before 2m, by ada")).toHaveLength(1)
    })
  )

  it.scoped("changes no cache without Redis, which has no client", () =>
    Effect.gen(function* () {
      const { name, one, set } = yield* processes({ a: 1 })
      const cache = yield* LocalCache.make({
        name,
        key: Schema.String,
        timeToLive: "1 minute",
        jitter: 0,
        local: { capacity: 10 },
        lookup: () => Effect.succeed(1)
      }).pipe(on(one.connection.redis))
      yield* set({ timeToLive: "5 minutes", enabled: false })
      const [first, second] = [yield* cache.getResult("a"), yield* cache.getResult("a")]
      expect([Duration.toSeconds(first.timeLeft), second.source]).toEqual([60, "Local"])
    })
  )

  it.scoped("is none, and is not warned of, where the client is switched off", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      yield* Layer.build(RuntimeSettings.layer.pipe(Layer.provide([RedisClient.layerOff, log.layer])))
      yield* pass("2 minutes")
      expect(log.lines.filter(({ level }) => level === "WARN")).toEqual([])
    })
  )

  it.effect("is read from a ConfigProvider", () =>
    Effect.gen(function* () {
      const provider = ConfigProvider.fromMap(
        new Map([
          ["caches.user:profile.timeToLive", "5 minutes"],
          ["caches.user:profile.staleFor", "1 hour"],
          ["caches.user:profile.outage.maxLookups", "8"],
          ["caches.order.enabled", "false"],
          ["limits.mails.limit", "50"],
          ["limits.mails.window", "1 second"],
          ["limits.logins.burst", "3"]
        ])
      )
      expect(yield* Effect.withConfigProvider(RuntimeSettings.config, provider)).toEqual({
        caches: {
          "user:profile": { timeToLive: Duration.minutes(5), staleFor: Duration.hours(1), outage: { maxLookups: 8 } },
          order: { enabled: false, outage: {} }
        },
        limits: { mails: { limit: 50, window: Duration.seconds(1) }, logins: { burst: 3 } }
      })
      const empty = ConfigProvider.fromMap(new Map())
      expect(yield* Effect.withConfigProvider(RuntimeSettings.config, empty)).toEqual({ caches: {}, limits: {} })
    })
  )
})
