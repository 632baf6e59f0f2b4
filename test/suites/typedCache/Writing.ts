/** Invalidations, sets and updates win against loads that run meanwhile: no old value comes back. */
import type { Vitest } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { expect } from "vitest"
import * as WriteScripts from "../../../src/cache/scripts/WriteScripts.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { NotFound } from "../../support/cache/TestDatabase.js"
import { until } from "../../support/until.js"

const local = { capacity: 100, timeToLive: "1 minute" } as const

/** A load that has read 1 from the database and does not answer yet. */
const loading = (settings: CacheWorld.Settings = {}) =>
  Effect.gen(function* () {
    const world = CacheWorld.listening({ a: 1 }, { local, ...settings })
    const [cache, other] = [yield* world.cache(), yield* world.cache()]
    world.database.hold()
    const load = yield* Effect.fork(cache.get("a"))
    yield* world.database.begun(1)
    return { ...world, cache, other, load }
  })

/** What a cache of one process promises too. */
export const inOneProcess = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.scoped("stores nothing of a load that an invalidation has overtaken", () =>
    Effect.gen(function* () {
      const { cache, database, load, other } = yield* loading()
      database.rows.set("a", 2)
      expect(yield* cache.invalidate("a")).toBe(true)
      database.release()
      yield* Fiber.join(load)
      expect(yield* cache.get("a")).toBe(2)
      expect(yield* other.get("a")).toBe(2)
    })
  )

  it.scoped("runs a new lookup for a caller after the invalidation while the old one still runs", () =>
    Effect.gen(function* () {
      const { cache, database, load } = yield* loading()
      database.rows.set("a", 2)
      yield* cache.invalidate("a")
      const next = yield* Effect.fork(cache.get("a"))
      yield* database.begun(2)
      database.release()
      expect(yield* Fiber.join(next)).toBe(2)
      yield* Fiber.join(load)
      expect(yield* cache.get("a")).toBe(2)
    })
  )

  it.scoped("reads its own set at once", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 }, { local })
      const own = yield* cache()
      yield* CacheWorld.inLocalTier(own, "a")
      expect(yield* own.set("a", 2)).toBe(true)
      expect(yield* own.get("a")).toBe(2)
      expect(database.lookups()).toBe(1)
    })
  )

  it.scoped("stores nothing when the write of an update fails, dies or is interrupted, and passes its exit on", () =>
    Effect.gen(function* () {
      const { cache, database, key, lease } = CacheWorld.listening({ a: 0 })
      const redis = yield* RedisClient
      const own = yield* cache()
      const ends = [Effect.fail("rejected"), Effect.die("broken"), Effect.interrupt]
      for (const [i, end] of ends.entries()) {
        yield* own.get("a")
        // it may have committed all the same
        const commit = Effect.sync(() => database.rows.set("a", i + 1))
        const exit = yield* Effect.exit(own.update("a", Effect.zipRight(commit, end)))
        expect(Exit.isFailure(exit) && exit.cause).toEqual(
          Exit.isFailure(exit) && (yield* Effect.exit(end)).pipe(causeOf)
        )
        expect([yield* redis.get(key("a")), yield* redis.get(lease("a"))]).toEqual([Option.none(), Option.none()])
        expect(yield* own.get("a")).toBe(i + 1)
      }
    })
  )
}

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  inOneProcess(it)

  it.scoped("stores nothing of a load that another process's invalidation has overtaken", () =>
    Effect.gen(function* () {
      const { cache, database, load, other } = yield* loading()
      database.rows.set("a", 2)
      expect(yield* other.invalidate("a")).toBe(true)
      database.release()
      yield* Fiber.join(load)
      expect(yield* cache.get("a")).toBe(2)
      expect(yield* other.get("a")).toBe(2)
    })
  )

  it.scoped("serves a caller after another process's invalidation nothing that was read before it", () =>
    Effect.gen(function* () {
      const { cache, database, load, other } = yield* loading()
      database.rows.set("a", 2)
      yield* other.invalidate("a")
      // it may join the old load, since the message may be late, but not have its value
      const next = yield* Effect.fork(cache.get("a"))
      yield* until("both wait", () => Effect.map(cache.stats, ({ misses }) => misses >= 2))
      database.release()
      expect(yield* Fiber.join(next)).toBe(2)
      yield* Fiber.join(load)
    })
  )

  it.scoped("stores nothing of a load that a set has overtaken, here or in another process", () =>
    Effect.gen(function* () {
      for (const setter of ["cache", "other"] as const) {
        const world = yield* loading()
        world.database.rows.set("a", 2)
        expect(yield* world[setter].set("a", 2)).toBe(true)
        world.database.release()
        yield* Fiber.join(world.load)
        expect(yield* world.cache.get("a")).toBe(2)
        expect(yield* world.other.get("a")).toBe(2)
        expect([setter, world.database.lookups()]).toEqual([setter, 1])
      }
    })
  )

  it.scoped("stores nothing of a load that a clear has overtaken, here or in another process", () =>
    Effect.gen(function* () {
      for (const clearer of ["cache", "other"] as const) {
        const world = yield* loading()
        world.database.rows.set("a", 2)
        expect(yield* world[clearer].clear).toBe(true)
        world.database.release()
        yield* Fiber.join(world.load)
        expect(yield* world.other.get("a")).toBe(2)
        expect(yield* world.cache.get("a")).toBe(2)
      }
    })
  )

  it.scoped("invalidates every value with clear, and keeps values that are loaded or set right after it", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1, b: 1 })
      const [one, other] = [yield* cache(), yield* cache()]
      for (let version = 2; version < 20; version++) {
        yield* one.getMany(["a", "b"])
        for (const id of ["a", "b"]) database.rows.set(id, version)
        expect(yield* one.clear).toBe(true)
        yield* one.set("b", version)
        const before = database.lookups()
        expect(yield* other.getMany(["a", "b"])).toEqual([version, version])
        expect(yield* other.getMany(["a", "b"])).toEqual([version, version])
        expect(database.lookups()).toBe(before + 1)
      }
    })
  )

  it.scoped("drops a value from other processes' local tiers when it is invalidated, set, updated or cleared", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 0 }, { local })
      const [one, other] = [yield* cache(), yield* cache()]
      const writes = [
        one.invalidate("a"),
        Effect.suspend(() => one.set("a", database.rows.get("a") ?? 0)),
        one.update(
          "a",
          Effect.sync(() => database.rows.get("a") ?? 0)
        ),
        one.clear
      ]
      for (const [i, write] of writes.entries()) {
        yield* CacheWorld.inLocalTier(other, "a")
        database.rows.set("a", i + 1)
        yield* write
        yield* until("the other has heard of it", () => Effect.map(other.get("a"), (value) => value === i + 1))
      }
    })
  )

  it.scoped("reads again only at the next call when another process invalidates", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 }, { local })
      const [one, other] = [yield* cache(), yield* cache()]
      yield* CacheWorld.inLocalTier(other, "a")
      const before = database.lookups()
      yield* one.invalidate("a")
      yield* until("the other has heard of it", () => Effect.map(other.stats, (stats) => stats.local === 0))
      expect(database.lookups()).toBe(before)
    })
  )

  it.scoped("stores the value of an update, and serves it without a lookup", () =>
    Effect.gen(function* () {
      const { cache, database, lease } = CacheWorld.listening({ a: 1 })
      const redis = yield* RedisClient
      const [one, other] = [yield* cache(), yield* cache()]
      yield* one.get("a")
      expect(yield* one.update("a", Effect.succeed(2))).toBe(2)
      expect(yield* other.get("a")).toBe(2)
      expect(database.lookups()).toBe(1)
      expect(yield* redis.get(lease("a"))).toEqual(Option.none())
    })
  )

  it.scoped("keeps no wrong value when two updates end in another order than the database's", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 0 }, { local })
      const [one, other] = [yield* cache(), yield* cache()]
      const commit = (version: number) =>
        Effect.sync(() => {
          database.rows.set("a", version)
          return version
        })
      const wrote = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const slow = yield* Effect.fork(
        one.update(
          "a",
          Effect.zipLeft(commit(1), Effect.zipRight(Deferred.succeed(wrote, undefined), Deferred.await(end)))
        )
      )
      yield* Deferred.await(wrote)
      expect(yield* other.update("a", commit(2))).toBe(2)
      yield* Deferred.succeed(end, undefined)
      expect(yield* Fiber.join(slow)).toBe(1)
      expect([yield* one.get("a"), yield* other.get("a")]).toEqual([2, 2])
    })
  )

  it.scoped("stores nothing that was loaded while an update was writing", () =>
    Effect.gen(function* () {
      const { cache, database, key } = CacheWorld.listening({ a: 1 }, { lease: { maxWait: "50 millis" } })
      const redis = yield* RedisClient
      const [one, other] = [yield* cache(), yield* cache()]
      const end = yield* Deferred.make<void>()
      const began = yield* Deferred.make<void>()
      const update = yield* Effect.fork(
        one.update(
          "a",
          Effect.gen(function* () {
            yield* Deferred.succeed(began, undefined)
            yield* Deferred.await(end)
            database.rows.set("a", 2)
            return 2
          })
        )
      )
      yield* Deferred.await(began)
      // it waits for the update no longer than it must
      expect(yield* other.get("a")).toBe(1)
      expect(yield* redis.get(key("a"))).toEqual(Option.none())
      yield* Deferred.succeed(end, undefined)
      yield* Fiber.join(update)
      expect(yield* other.get("a")).toBe(2)
    })
  )

  it.scoped("leaves nothing stored when a process ends in the middle of an update", () =>
    Effect.gen(function* () {
      const { cache, database, name, key, lease } = CacheWorld.listening({ a: 1 })
      const redis = yield* RedisClient
      const [one, other] = [yield* cache(), yield* cache()]
      yield* one.get("a")
      // what a process has done when it ends after its write
      yield* redis.run(WriteScripts.begin)({
        key: key("a"),
        lease: lease("a"),
        channel: `effect-cache-toolkit:${name}`,
        token: "a process that has ended",
        leaseMillis: 100,
        floor: 0
      })
      database.rows.set("a", 2)
      expect(yield* redis.get(key("a"))).toEqual(Option.none())
      // the token of the update expires
      expect(yield* other.get("a")).toBe(2)
    })
  )

  it.scoped("lets no process load while an update writes, though it takes several times as long as the lease", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 }, { lease: { timeToLive: "1 second" } })
      const [one, other] = [yield* cache(), yield* cache()]
      const begun = yield* Deferred.make<void>()
      const mayEnd = yield* Deferred.make<void>()
      const write = Deferred.succeed(begun, undefined).pipe(Effect.zipRight(Deferred.await(mayEnd)), Effect.as(2))
      const writing = yield* Effect.fork(one.update("a", write))
      yield* Deferred.await(begun)
      const reading = yield* Effect.fork(other.getResult("a"))
      // it retries after 50 ms at the earliest: after so many retries a token that is not renewed has expired
      yield* until("the other has retried many times", () =>
        Effect.map(other.stats, ({ leaseWaits }) => leaseWaits >= 25)
      )
      yield* Deferred.succeed(mayEnd, undefined)
      expect(yield* Fiber.join(writing)).toBe(2)
      expect(yield* Fiber.join(reading)).toMatchObject({ source: "Redis", value: 2 })
      expect(database.lookups()).toBe(0)
    })
  )

  it.scoped("looks up with refresh although a value is stored, and stores the answer", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 }, { local })
      const [one, other] = [yield* cache(), yield* cache()]
      for (let version = 2; version < 10; version++) {
        yield* one.set("a", version - 1)
        database.rows.set("a", version)
        expect(yield* one.refresh("a")).toBe(version)
        expect(yield* one.get("a")).toBe(version)
      }
      expect(yield* other.get("a")).toBe(9)
      expect(database.lookups()).toBe(8)
    })
  )

  it.scoped("leaves what is stored to all callers while refresh looks up, and after that has failed", () =>
    Effect.gen(function* () {
      const { cache, database } = CacheWorld.listening({ a: 1 }, { local })
      const [one, other] = [yield* cache(), yield* cache()]
      yield* one.get("a")
      database.rows.delete("a")
      database.hold()
      const refreshing = yield* Effect.fork(Effect.flip(one.refresh("a")))
      yield* database.begun(2)
      expect([yield* one.get("a"), yield* other.get("a")]).toEqual([1, 1])
      database.release()
      expect(yield* Fiber.join(refreshing)).toEqual(new NotFound({ id: "a" }))
      expect([yield* one.get("a"), yield* other.get("a")]).toEqual([1, 1])
      expect(database.lookups()).toBe(2)
    })
  )
}

const causeOf = <A, E>(exit: Exit.Exit<A, E>) => (Exit.isFailure(exit) ? exit.cause : undefined)
