/** `getMany`: one command for all keys, and the result of each. */
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { inTime, processes } from "../../support/cache/CacheProcesses.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { NotFound } from "../../support/cache/TestDatabase.js"
import { settle } from "../../support/until.js"

const abc = { a: 1, b: 2, c: 3 }

const ids = ["a", "b", "c"]

/** Two processes whose source has a `lookupMany`. */
const batching = (rows: Readonly<Record<string, number>>, settings: CacheWorld.Settings = {}) =>
  processes(rows, ({ lookupMany }) => ({ lookupMany, ...settings }))

const numbers = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`id${i}`, i]))

describe("getMany", () => {
  it.scoped("sends one command for all keys, without those of the local tier", () =>
    Effect.gen(function* () {
      const rows = numbers(200)
      const { one, other } = yield* processes(rows, { local: { capacity: 200, timeToLive: "1 hour" } })
      yield* one.cache.getMany(Object.keys(rows))
      const before = other.connection.commands()
      expect(yield* other.cache.getMany(Object.keys(rows))).toEqual(Object.values(rows))
      expect(other.connection.commands()).toBe(before + 1)
      expect(yield* other.cache.getMany(Object.keys(rows))).toEqual(Object.values(rows))
      expect(other.connection.commands()).toBe(before + 1)
      expect(yield* other.cache.stats).toMatchObject({ hitsLocal: 200, hitsRedis: 200, lookups: 0 })
    })
  )

  it.scoped("answers each key from the tier that has it, and looks up the others", () =>
    Effect.gen(function* () {
      const rows = numbers(6)
      const { one, other } = yield* processes(rows, { local: { capacity: 200, timeToLive: "1 hour" } })
      const [a = "", b = "", c = "", d = "", e = "", f = ""] = Object.keys(rows)
      yield* one.cache.getMany([b, d, e])
      yield* other.cache.getMany([b, e])
      const ids = [a, b, c, d, e, f]
      expect(yield* other.cache.getMany(ids)).toEqual(Object.values(rows))
      expect(yield* other.cache.stats).toMatchObject({ hitsLocal: 2, hitsRedis: 3, lookups: 3 })
    })
  )

  it.scoped("sends no command and runs no lookup when a key is invalid", () =>
    Effect.gen(function* () {
      const { one } = yield* processes(abc)
      const before = one.connection.commands()
      expect(yield* Effect.flip(one.cache.getMany(["a", "", "b"]))).toMatchObject({ _tag: "InvalidKey" })
      expect(one.connection.commands()).toBe(before)
      expect(yield* one.cache.stats).toMatchObject({ lookups: 0 })
    })
  )

  it.scoped("sends no command and runs no lookup for an empty list", () =>
    Effect.gen(function* () {
      const { one } = yield* batching(abc)
      const before = one.connection.commands()
      expect(yield* one.cache.getMany([])).toEqual([])
      expect(yield* one.cache.getMany([], { mode: "either" })).toEqual([])
      expect(one.connection.commands()).toBe(before)
    })
  )

  it.scoped("answers each key with its own result in the mode `either`", () =>
    Effect.gen(function* () {
      const { one } = yield* batching(abc)
      const answers = yield* one.cache.getMany(["c", "unknown", "", "a", "unknown"], { mode: "either" })
      expectTypeOf(answers).toEqualTypeOf<
        ReadonlyArray<Either.Either<number, NotFound | TypedCache.EngineError<"lookup">>>
      >()
      const nobody = Either.left(new NotFound({ id: "unknown" }))
      expect(answers.map((answer) => Either.mapLeft(answer, ({ _tag }) => _tag))).toEqual([
        Either.right(3),
        Either.left("NotFound"),
        Either.left("InvalidKey"),
        Either.right(1),
        Either.left("NotFound")
      ])
      expect([answers[1], answers[4]]).toEqual([nobody, nobody])
    })
  )

  it.scoped("interrupts the lookups that no other caller needs when one of its keys fails", () =>
    Effect.gen(function* () {
      const { database, lease, one, server } = yield* processes(abc)
      database.hold()
      const all = yield* Effect.fork(Effect.flip(one.cache.getMany(["a", "unknown"])))
      yield* database.begun(2)
      const another = yield* Effect.fork(one.cache.getMany(["b", "c"]))
      yield* database.begun(4)
      database.release()
      expect(yield* Fiber.join(all)).toEqual(new NotFound({ id: "unknown" }))
      expect(yield* Fiber.join(another)).toEqual([2, 3])
      yield* Effect.provideService(CacheWorld.gone(lease("a")), RedisClient, server.direct)
    })
  )

  it.scoped("loads no more keys at once than `concurrency` allows", () =>
    Effect.gen(function* () {
      const rows = numbers(20)
      const { database, one } = yield* processes(rows)
      database.hold()
      const all = yield* Effect.fork(one.cache.getMany(Object.keys(rows), { concurrency: 3 }))
      yield* database.begun(3)
      yield* settle
      database.release()
      expect(yield* Fiber.join(all)).toEqual(Object.values(rows))
      expect(database.mostAtOnce()).toBe(3)
    })
  )

  it.scoped("serves stale values, and refreshes them with one call that receives them", () =>
    Effect.gen(function* () {
      const seen: Array<ReadonlyArray<number | undefined>> = []
      const { one } = yield* processes(abc, ({ lookupMany }) => ({
        timeToLive: "1 minute",
        staleFor: "1 hour",
        lookupMany: (ids, previous) => {
          seen.push(previous.map((known) => Option.getOrUndefined(known)?.value))
          const [first, ...others] = ids
          // the first key has not changed since its previous value, if there is one
          return Effect.map(lookupMany(others), (answers) => [
            Either.right(Option.isSome(previous[0] ?? Option.none()) ? TypedCache.notModified : first === "a" ? 1 : 0),
            ...Array.from(
              answers,
              Either.map((value) => (Option.isSome(previous[1] ?? Option.none()) ? value * 10 : value))
            )
          ])
        }
      }))
      expect(yield* one.cache.getMany(ids)).toEqual([1, 2, 3])
      yield* TestClock.adjust("2 minutes")
      expect(yield* one.cache.getMany(ids)).toEqual([1, 2, 3])
      yield* inTime("they are fresh", () =>
        Effect.map(Effect.orDie(one.cache.getResult("c")), ({ source }) => source === "Redis")
      )
      expect(yield* one.cache.getMany(ids)).toEqual([1, 20, 30])
      expect(seen).toEqual([
        [undefined, undefined, undefined],
        [1, 2, 3]
      ])
    })
  )
})
