/** A cold key is looked up once for all callers and processes, under a lease. */
import type { Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { NotFound } from "../../support/cache/TestDatabase.js"
import { until } from "../../support/until.js"

/** What a cache of one process promises too. */
export const inOneProcess = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("runs one lookup for 10,000 callers of one cold key", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 })
      const { get } = yield* cache()
      const answers = yield* Effect.replicateEffect(get("a"), 10_000, { concurrency: "unbounded" })
      expect(new Set(answers)).toEqual(new Set([1]))
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("continues for the other callers when the first one is interrupted", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 })
      const { get, stats } = yield* cache()
      database.hold()
      const first = yield* Effect.fork(get("a"))
      yield* database.begun(1)
      const second = yield* Effect.fork(get("a"))
      yield* until("both wait", () => Effect.map(stats, ({ misses }) => misses === 2))
      yield* Fiber.interrupt(first)
      database.release()
      expect(yield* Fiber.join(second)).toBe(1)
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("interrupts the lookup and releases the lease when all callers are interrupted", () =>
    Effect.gen(function* () {
      const { cache, database, lease } = CacheWorld.listening({ a: 1 })
      const { get } = yield* cache()
      database.hold()
      const callers = yield* Effect.forkAll([get("a"), get("a"), get("a")])
      yield* database.begun(1)
      yield* Fiber.interrupt(callers)
      yield* until("the lookup has stopped", () => database.running() === 0)
      yield* CacheWorld.gone(lease("a"))
      database.release()
      expect(yield* get("a")).toBe(1)
      expect(database.lookups()).toBe(2)
    })
  )

  it.scoped("fails each caller once with the lookup's own error, unchanged, and caches nothing", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({})
      const { get } = yield* cache()
      const exits = yield* Effect.replicateEffect(Effect.exit(get("a")), 10, { concurrency: "unbounded" })
      for (const exit of exits) expect(exit).toEqual(Exit.fail(new NotFound({ id: "a" })))
      expect(database.lookups()).toBe(1)
      database.rows.set("a", 1)
      expect(yield* get("a")).toBe(1)
    })
  )

  it.scoped("passes a defect of the lookup on as a defect, and releases the lease", () =>
    Effect.gen(function* () {
      const { cache, lease } = CacheWorld.listening({})
      const { get } = yield* cache({ lookup: () => Effect.die("broken") })
      expect(yield* Effect.exit(get("a"))).toEqual(Exit.die("broken"))
      yield* CacheWorld.gone(lease("a"))
    })
  )

  it.scoped("returns many values in the order of their ids, with one lookup for an id that comes twice", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1, b: 2, c: 3 })
      const { get, getMany } = yield* cache()
      yield* get("b")
      expect(yield* getMany(["c", "a", "b", "c"])).toEqual([3, 1, 2, 3])
      expect(database.lookups()).toBe(3)
      expect(yield* getMany([])).toEqual([])
      expect(yield* Effect.flip(getMany(["a", "unknown"]))).toEqual(new NotFound({ id: "unknown" }))
    })
  )

  it.scoped("never looks up for getOption", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 })
      const { get, getOption } = yield* cache()
      expect(yield* getOption("a")).toEqual(Option.none())
      expect(database.lookups()).toBe(0)
      yield* get("a")
      expect(Option.map(yield* getOption("a"), ({ source, value }) => [source, value])).toEqual(
        Option.some([expect.stringMatching(CacheWorld.hit), 1])
      )
    })
  )

  it.scoped("rejects ids that cannot be keys, in every method, and keeps odd ones apart", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({})
      const own = yield* cache()
      for (const id of ["", "x".repeat(513), "a\nb"]) {
        const calls: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
          own.get(id),
          own.getResult(id),
          own.getOption(id),
          own.getMany(["a", id]),
          own.set(id, 1),
          own.update(id, Effect.succeed(1)),
          own.refresh(id),
          own.invalidate(id)
        ]
        for (const call of calls) {
          const failure = yield* Effect.either(call)
          expect(Either.isLeft(failure) && failure.left._tag).toMatch(/InvalidKey|NotFound/)
        }
      }
      const odd = ["*", "{a}", "%7Ba%7D", "a:b", "🦊", " "]
      for (const [i, id] of odd.entries()) database.rows.set(id, i)
      for (const [i, id] of odd.entries()) expect([id, yield* own.get(id)]).toEqual([id, i])
      yield* own.invalidate("*")
      database.rows.set("{a}", 100)
      expect(yield* own.get("{a}")).toBe(1)
    })
  )

  it.scoped("rejects an id that does not satisfy the schema of the keys", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.listening({})
      const { get } = yield* CacheWorld.build({
        name,
        key: Schema.NumberFromString.pipe(Schema.int()),
        value: Schema.Number,
        timeToLive: "1 minute",
        lookup: Effect.succeed
      })
      expect(yield* get(2)).toBe(2)
      expect(yield* Effect.flip(get(1.5))).toMatchObject({ _tag: "InvalidKey", reason: "NotEncodable" })
    })
  )

  it.scoped("counts what it does", () =>
    Effect.gen(function* () {
      const { cache, name } = CacheWorld.listening({ a: 1 }, { local: { capacity: 10, timeToLive: "1 minute" } })
      const own = yield* cache()
      yield* CacheWorld.inLocalTier(own, "a")
      yield* Effect.flip(own.get("b"))
      yield* own.invalidate("a")
      yield* own.getOption("a")
      const stats = yield* own.stats
      expect(stats).toMatchObject({ name, lookups: 2, lookupFailures: 1, hitsLocal: 1, invalidations: 1, outbox: 0 })
      expect(stats.misses).toBe(3)
      expect(stats.local).toBe(0)
    })
  )
}

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  inOneProcess(it)

  it.scoped("treats 0, the empty string, false and null as values and not as misses", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.listening({})
      const values = new Map<string, unknown>(Object.entries({ zero: 0, empty: "", no: false, nothing: null }))
      let lookups = 0
      const make = TypedCache.make({
        name,
        key: Schema.String,
        value: Schema.Unknown,
        timeToLive: "1 minute",
        lookup: (id) =>
          Effect.sync(() => {
            lookups++
            return values.get(id)
          })
      })
      const [one, other] = [yield* make, yield* make]
      for (const [id, value] of values) {
        expect(yield* one.get(id)).toBe(value)
        expect(yield* one.get(id)).toBe(value)
        expect(yield* other.get(id)).toBe(value)
        expect(Option.map(yield* other.getOption(id), (served) => served.value)).toEqual(Option.some(value))
      }
      expect(lookups).toBe(4)
    })
  )

  it.scoped("looks up once for several processes that read at once", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 })
      const caches = yield* Effect.replicateEffect(cache(), 8)
      const answers = yield* Effect.forEach(caches, ({ get }) => get("a"), { concurrency: "unbounded" })
      expect(answers).toEqual(Array(8).fill(1))
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("renews the lease while a lookup takes several times as long", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 }, { lease: { timeToLive: "1 second" } })
      const [one, other] = [yield* cache(), yield* cache()]
      database.hold()
      const first = yield* Effect.fork(one.get("a"))
      yield* database.begun(1)
      const second = yield* Effect.fork(other.get("a"))
      // it retries after 50 ms at the earliest: after so many retries a lease that is not renewed has expired
      yield* until("the other has retried many times", () =>
        Effect.map(other.stats, ({ leaseWaits }) => leaseWaits >= 25)
      )
      database.release()
      expect([yield* Fiber.join(first), yield* Fiber.join(second)]).toEqual([1, 1])
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("takes over the lease of a dead process when the lease has expired", () =>
    Effect.gen(function* () {
      const { cache, database, lease } = CacheWorld.listening({ a: 1 })
      const redis = yield* RedisClient
      const { get } = yield* cache()
      yield* redis.set(lease("a"), "a process that has ended", { timeToLive: "200 millis" })
      expect(yield* get("a")).toBe(1)
      expect(database.lookups()).toBe(1)
      expect(Option.isSome(yield* redis.get(lease("a")))).toBe(false)
    })
  )

  it.scoped("runs its own lookup when it has waited long enough for another process, and stores nothing", () =>
    Effect.gen(function* () {
      const { cache, key, lease } = CacheWorld.listening({ a: 1 }, { lease: { maxWait: "100 millis" } })
      const redis = yield* RedisClient
      const { get } = yield* cache()
      yield* redis.set(lease("a"), "a slow process", { timeToLive: "1 minute" })
      expect(yield* get("a")).toBe(1)
      expect(yield* redis.get(key("a"))).toEqual(Option.none())
      expect(yield* redis.get(lease("a"))).toEqual(Option.some("a slow process"))
    })
  )

  it.scoped("treats a stored text that is cut, foreign or of another shape as a miss, counts it, and replaces it", () =>
    Effect.gen(function* () {
      const { cache, database, key } = CacheWorld.listening({ a: 1 })
      const redis = yield* RedisClient
      const broken = [
        "",
        "7",
        "no text of ours",
        '{"created":1}',
        '{"created":999999999999999,"ttl":60000,"value":1',
        '{"created":999999999999999,"ttl":60000,"value":"one"}',
        '{"created":999999999999999,"ttl":60000,"value":1e}',
        '{"created":1234567890123456,"ttl":60000,"value":2}'
      ]
      const { get, getOption, stats } = yield* cache()
      for (const text of broken) {
        yield* redis.set(key("a"), text, { timeToLive: "1 minute" })
        expect([text, yield* getOption("a")]).toEqual([text, Option.none()])
        expect([text, yield* get("a")]).toEqual([text, 1])
      }
      expect(database.lookups()).toBe(broken.length)
      expect((yield* stats).decodeFailures).toBeGreaterThanOrEqual(2 * broken.length)
    })
  )

  it.scoped("treats another data type under its key, lease or marker as missing, and replaces it", () =>
    Effect.gen(function* () {
      const { cache, clearMarker, key, lease } = CacheWorld.listening({ a: 1 })
      const redis = yield* RedisClient
      const own = yield* cache()
      for (const stray of [key("a"), lease("a"), clearMarker]) {
        yield* redis.del(key("a"), stray)
        yield* redis.zadd(stray, 1, "stray")
        expect(yield* own.getResult("a"), stray).toMatchObject({ source: "Lookup", value: 1 })
        yield* until(`${stray} has been replaced`, () =>
          Effect.map(own.getResult("a"), ({ source }) => source === "Redis")
        )
      }
    })
  )

  it.scoped("bounds its local tier by the bytes of the stored text, and not by its characters", () =>
    Effect.gen(function* () {
      const { name } = CacheWorld.listening({})
      const cache = yield* TypedCache.make({
        name,
        key: Schema.String,
        value: Schema.String,
        timeToLive: "1 minute",
        // each entry has about 300 characters and 500 bytes
        local: { capacity: 10, timeToLive: "1 minute", maxBytes: 1_100 },
        lookup: () => Effect.succeed("ü".repeat(200))
      })
      yield* until("it keeps what it reads", () =>
        Effect.zipRight(
          cache.get("a"),
          Effect.map(cache.stats, ({ local }) => local === 1)
        )
      )
      yield* cache.getMany(["b", "c", "d"])
      yield* until("all are stored, and two are kept", () =>
        Effect.map(cache.stats, ({ evictions }) => evictions === 2)
      )
      expect((yield* cache.stats).local).toBe(2)
    })
  )

  it.scoped("continues when its clear marker was overwritten with something else", () =>
    Effect.gen(function* () {
      const { cache, clearMarker, database } = CacheWorld.listening({ a: 1 })
      const redis = yield* RedisClient
      const { get } = yield* cache()
      yield* get("a")
      for (const text of ["", "soon", "-1", "1e300"]) {
        yield* redis.set(clearMarker, text)
        const before = database.lookups()
        expect(yield* get("a")).toBe(1)
        expect(yield* get("a")).toBe(1)
        expect([text, database.lookups()]).toEqual([text, before + 1])
      }
    })
  )

  it.scoped("looks up again a stored value that its schema throws on, without harm to readers of other keys", () =>
    Effect.gen(function* () {
      const { database, key, name } = CacheWorld.listening({ good: 1, bad: 2 })
      const redis = yield* RedisClient
      const fragile = Schema.transform(Schema.Number, Schema.Number, {
        strict: true,
        decode: (stored) => {
          if (stored === 13) throw new Error("unlucky")
          return stored
        },
        encode: (value) => value
      })
      const { get, stats } = yield* TypedCache.make({
        name,
        key: Schema.String,
        value: fragile,
        timeToLive: "1 minute",
        lookup: database.lookup
      })
      yield* redis.set(key("bad"), '{"created":999999999999999,"ttl":60000,"value":13}', { timeToLive: "1 minute" })
      const [bad, good] = yield* Effect.all([Effect.exit(get("bad")), Effect.exit(get("good"))], {
        concurrency: "unbounded"
      })
      expect([bad, good]).toEqual([Exit.succeed(2), Exit.succeed(1)])
      expect((yield* stats).decodeFailures).toBeGreaterThan(0)
    })
  )

  it.scoped("stores plain JSON, and never without a time to live", () =>
    Effect.gen(function* () {
      const { cache, key } = CacheWorld.listening({ a: 1 }, { timeToLive: "1 minute", staleFor: "1 minute" })
      const redis = yield* RedisClient
      yield* (yield* cache()).get("a")
      const text = Option.getOrThrow(yield* redis.get(key("a")))
      expect(JSON.parse(text)).toEqual({ created: expect.any(Number), ttl: 60_000, value: 1 })
      const left = Number(yield* redis.send("PTTL", key("a")))
      expect(left).toBeGreaterThan(90_000)
      expect(left).toBeLessThanOrEqual(120_000)
    })
  )

  it.scoped("takes the time to live from the value and its key: jitter only shortens it, and zero stores nothing", () =>
    Effect.gen(function* () {
      const rows = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`id${i}`, i]))
      const { cache, key } = CacheWorld.listening(rows)
      const redis = yield* RedisClient
      const left = (id: string) => Effect.map(redis.send("PTTL", key(id)), Number)
      const { get } = yield* cache({
        jitter: 0.5,
        timeToLive: (value, id) => (value === 0 ? 0 : id === "id1" ? Number.POSITIVE_INFINITY : "100 minutes")
      })
      const minutes: Array<number> = []
      for (const id of Object.keys(rows)) {
        yield* get(id)
        minutes.push((yield* left(id)) / 60_000)
      }
      const [zero, infinite, ...others] = minutes
      expect(zero).toBeLessThan(0)
      expect(infinite).toBeGreaterThan(60 * 24 * 365)
      expect(Math.min(...others)).toBeGreaterThan(49)
      expect(Math.max(...others)).toBeLessThanOrEqual(100)
      expect(Math.max(...others) - Math.min(...others)).toBeGreaterThan(10)
    })
  )
}
