/** Batches: one command to Redis, one call of the source, and each key otherwise as if it were alone. */
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { LookupOverloaded, LookupTimeout } from "../../../src/cache/lookup/LookupRunner.js"
import * as LeaseScripts from "../../../src/cache/scripts/LeaseScripts.js"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as SupervisedExecutor from "../../../src/redis/connection/SupervisedExecutor.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisCommands from "../../../src/redis/RedisCommands.js"
import type { RedisDriver } from "../../../src/redis/RedisConnection.js"
import * as RedisKey from "../../../src/redis/RedisKey.js"
import { inTime, processes, read } from "../../support/cache/CacheProcesses.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { NotFound } from "../../support/cache/TestDatabase.js"
import * as ScriptedDriver from "../../support/faults/ScriptedDriver.js"
import { settle, until } from "../../support/until.js"

const abc = { a: 1, b: 2, c: 3 }
const ids = ["a", "b", "c"]

/** Two processes whose source has a `lookupMany`. */
const batching = (rows: Readonly<Record<string, number>>, settings: CacheWorld.Settings = {}) =>
  processes(rows, ({ lookupMany }) => ({ lookupMany, ...settings }))

/** A server that answers the commands of one turn together, some turns of the event loop later. */
const busy = (driver: RedisDriver): RedisDriver => {
  let atWork: Promise<unknown> = Promise.resolve()
  let arriving: Promise<unknown> | undefined
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const done = (): Promise<unknown> => {
    if (arriving !== undefined) return arriving
    setImmediate(() => {
      arriving = undefined
    })
    atWork = atWork.then(turn).then(turn).then(turn)
    arriving = atWork
    return atWork
  }
  return {
    ...driver,
    connect: Effect.map(driver.connect, (connection) => ({
      ...connection,
      send: async (command, args) => {
        const isDone = done()
        const reply = await connection.send(command, args)
        await isDone
        return reply
      }
    }))
  }
}

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

describe("a cache with lookupMany", () => {
  it.scoped("calls it once for the misses of getMany, with each key once", () =>
    Effect.gen(function* () {
      const { database, one } = yield* batching({ ...abc, d: 4 })
      yield* one.cache.get("b")
      expect(yield* one.cache.getMany(["d", "b", "a", "d", "c", "a"])).toEqual([4, 2, 1, 4, 3, 1])
      expect(database.calls()).toEqual([["b"], ["d", "a", "c"]])
      expect(yield* one.cache.stats).toMatchObject({ lookups: 4, lookupFailures: 0 })
      expect(yield* one.cache.getMany(["a", "b", "c", "d"])).toEqual([1, 2, 3, 4])
      expect(database.calls()).toHaveLength(2)
    })
  )

  it.scoped("calls it once for the gets of one turn, with at most `maxBatch` keys", () =>
    Effect.gen(function* () {
      const { database, one } = yield* batching(numbers(25), { maxBatch: 10 })
      const answers = yield* Effect.forEach(Object.keys(numbers(25)), one.cache.get, { concurrency: "unbounded" })
      expect(answers).toEqual(Object.values(numbers(25)))
      expect(database.calls().map((keys) => keys.length)).toEqual([10, 10, 5])
    })
  )

  it.scoped("calls it once also behind a client's queue, since the leases are acquired in one flush", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedDriver.make
      const redis = yield* Effect.map(SupervisedExecutor.make(busy(server.driver)), RedisCommands.fromExecutor)
      server.values.set(RedisKey.auxiliary("queued", "clear"), "10")
      // a script is sent as its text, or as its hash
      const acquire = [
        LeaseScripts.acquire.lua,
        new Bun.CryptoHasher("sha1").update(LeaseScripts.acquire.lua).digest("hex")
      ]
      server.answer = ({ args: [script] }) =>
        acquire.includes(String(script)) ? ScriptedDriver.reply(["granted", "20"]) : undefined
      const calls: Array<number> = []
      const cache = yield* Effect.provideService(
        TypedCache.make({
          name: "queued",
          key: Schema.String,
          value: Schema.String,
          timeToLive: "1 hour",
          lookup: Effect.succeed,
          lookupMany: (questions) =>
            Effect.sync(() => {
              calls.push(questions.length)
              return questions.map(Either.right)
            })
        }),
        RedisClient,
        redis
      )
      yield* settle
      const keys = Object.keys(numbers(60))
      expect(yield* Effect.forEach(keys, cache.get, { concurrency: "unbounded" })).toEqual(keys)
      expect(calls).toEqual([60])
    })
  )

  it.scoped("looks up each key once for processes that read at the same time", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* batching(numbers(50))
      const keys = Object.keys(numbers(50))
      const [first, second] = yield* Effect.all([one.cache.getMany(keys), other.cache.getMany(keys)], {
        concurrency: "unbounded"
      }).pipe(Effect.raceFirst(Effect.forever(TestClock.adjust("10 millis"))))
      expect(first).toEqual(second)
      expect(database.calls().flat().sort()).toEqual([...keys].sort())
    })
  )

  it.scoped("gives each key its own failure, caches the errors of `negative.error`, and stores the other keys", () =>
    Effect.gen(function* () {
      const source = { calls: 0 }
      class Gone extends Schema.TaggedError<Gone>()("Gone", { id: Schema.String }) {}
      const { one } = yield* processes({})
      const cache = yield* Effect.provideService(
        TypedCache.make({
          name: "remembering",
          key: Schema.String,
          value: Schema.Number,
          negative: { error: Gone },
          timeToLive: "1 minute",
          lookup: (id) => Effect.fail(new Gone({ id })),
          lookupMany: (ids) => {
            source.calls++
            return Effect.succeed(
              ids.map((id) => (id in abc ? Either.right(id.length) : Either.left(new Gone({ id }))))
            )
          }
        }),
        RedisClient,
        one.connection.redis
      )
      yield* TestClock.adjust("1 second")
      const expected = [Either.right(1), Either.left(new Gone({ id: "x" })), Either.right(1)]
      expect(yield* cache.getMany(["a", "x", "b"], { mode: "either" })).toEqual(expected)
      expect(yield* cache.getMany(["a", "x", "b"], { mode: "either" })).toEqual(expected)
      expect(yield* Effect.flip(cache.getMany(["a", "x"]))).toEqual(new Gone({ id: "x" }))
      expect(source.calls).toBe(1)
    })
  )

  it.scoped("fails each key with the failure of the call, and stores nothing", () =>
    Effect.gen(function* () {
      const failing = { is: true }
      const { database, one } = yield* processes(abc, ({ lookupMany }) => ({
        lookupMany: (ids) =>
          Effect.suspend(() => (failing.is ? Effect.fail(new NotFound({ id: "all" })) : lookupMany(ids)))
      }))
      const answers = yield* one.cache.getMany(ids, { mode: "either" })
      expect(answers).toEqual(ids.map(() => Either.left(new NotFound({ id: "all" }))))
      failing.is = false
      expect(yield* one.cache.getMany(ids)).toEqual([1, 2, 3])
      expect(database.calls()).toEqual([ids])
    })
  )

  it.scoped("dies of too few or too many answers, and releases the leases", () =>
    Effect.gen(function* () {
      for (const answers of [[], [1, 2, 3, 4]]) {
        const { lease, one, server } = yield* processes(abc, {
          lookupMany: () => Effect.succeed(answers.map((value) => Either.right(value)))
        })
        const exit = yield* Effect.exit(one.cache.getMany(ids))
        expect(String(exit)).toContain(`lookupMany answered ${answers.length} values for 3 keys`)
        for (const id of ids) {
          yield* Effect.provideService(CacheWorld.gone(lease(id)), RedisClient, server.direct)
        }
      }
    })
  )

  it.scoped("continues a call when one of its callers is interrupted, and stops it with the last one", () =>
    Effect.gen(function* () {
      const { database, lease, one, server } = yield* batching(abc)
      database.hold()
      const [a, b, c] = [
        yield* Effect.fork(one.cache.get("a")),
        yield* Effect.fork(one.cache.get("b")),
        yield* Effect.fork(one.cache.get("c"))
      ]
      yield* database.begun(1)
      expect(database.calls()).toEqual([ids])
      yield* Fiber.interrupt(a)
      yield* settle
      expect(database.running()).toBe(1)
      database.release()
      expect([yield* Fiber.join(b), yield* Fiber.join(c)]).toEqual([2, 3])
      expect((yield* read(one.cache, "b"))[0]).toBe("Redis")

      database.hold()
      const again = yield* Effect.fork(Effect.zipRight(one.cache.invalidate("b"), one.cache.getMany(["a", "b"])))
      yield* database.begun(2)
      yield* Fiber.interrupt(again)
      yield* until("the call has stopped", () => database.running() === 0)
      for (const id of ["a", "b"]) {
        yield* Effect.provideService(CacheWorld.gone(lease(id)), RedisClient, server.direct)
      }
    })
  )

  it.scoped("does not store a key that is invalidated during the call, and stores the others", () =>
    Effect.gen(function* () {
      const { database, one, other } = yield* batching(abc)
      database.hold()
      const all = yield* Effect.fork(one.cache.getMany(ids))
      yield* database.begun(1)
      database.rows.set("b", 20)
      yield* other.cache.invalidate("b")
      const late = yield* Effect.fork(one.cache.get("b"))
      yield* settle
      database.release()
      // read before the invalidation: both values are right
      expect(yield* Fiber.join(all)).toEqual([1, 2, 3])
      expect(yield* Fiber.join(late)).toBe(20)
      expect(yield* read(one.cache, "a")).toEqual(["Redis", 1, undefined])
      expect(yield* other.cache.getMany(ids)).toEqual([1, 20, 3])
    })
  )

  it.scoped("interrupts a call for all of its keys after the hard timeout", () =>
    Effect.gen(function* () {
      let calls = 0
      const { one } = yield* processes({})
      const cache = yield* Effect.provideService(
        TypedCache.make({
          name: "hanging",
          key: Schema.String,
          value: Schema.Number,
          timeToLive: "1 minute",
          refresh: { hardTimeout: "3 seconds" },
          negative: { error: Schema.Unknown },
          lookup: () => Effect.never,
          lookupMany: () =>
            Effect.suspend(() => {
              calls++
              return Effect.uninterruptible(Effect.never)
            })
        }),
        RedisClient,
        one.connection.redis
      )
      // the second time too: a timeout is not cached
      for (const round of [1, 2]) {
        const all = yield* Effect.fork(cache.getMany(ids, { mode: "either" }))
        yield* settle
        expect(calls).toBe(round)
        yield* TestClock.adjust("3 seconds")
        for (const answer of yield* Fiber.join(all)) {
          expect(Either.isLeft(answer) && answer.left instanceof LookupTimeout).toBe(true)
        }
      }
    })
  )
})

describe("a cache with lookupMany and without Redis", () => {
  it.scoped("looks up all keys of getMany in few calls, and runs no more at once than `maxLookups`", () =>
    Effect.gen(function* () {
      const rows = numbers(1_000)
      const { database, one } = yield* batching(rows, { outage: { maxLookups: 3 }, maxBatch: 50 })
      yield* Effect.zipRight(one.connection.cut, settle)
      database.hold()
      const all = yield* Effect.fork(one.cache.getMany(Object.keys(rows)))
      yield* database.begun(3)
      yield* settle
      expect(database.running()).toBe(3)
      database.release()
      expect(yield* Fiber.join(all)).toEqual(Object.values(rows))
      expect(database.calls().map((keys) => keys.length)).toEqual(Array.from({ length: 20 }, () => 50))
      expect(database.mostAtOnce()).toBe(3)
      expect(yield* one.cache.stats).toMatchObject({ degraded: 1_000, lookups: 1_000 })
    })
  )

  it.scoped("adds keys to a call that waits for a permit, and leaves out keys without a caller", () =>
    Effect.gen(function* () {
      const { database, one } = yield* batching({ ...abc, d: 4 }, { outage: { maxLookups: 1 } })
      yield* Effect.zipRight(one.connection.cut, settle)
      database.hold()
      const first = yield* Effect.fork(one.cache.get("d"))
      yield* database.begun(1)
      const waiting = yield* Effect.forEach(ids, (id) => Effect.zipLeft(Effect.fork(one.cache.get(id)), settle))
      const [, b] = waiting
      if (b !== undefined) yield* Fiber.interrupt(b)
      database.release()
      expect(yield* Fiber.join(first)).toBe(4)
      yield* Effect.forEach(waiting, Fiber.await)
      expect(database.calls()).toEqual([["d"], ["a", "c"]])
    })
  )

  it.scoped("rejects at once the keys beyond `maxLookups` and `maxWaiting`", () =>
    Effect.gen(function* () {
      const { database, name, one } = yield* batching(numbers(20), {
        maxBatch: 4,
        outage: { maxLookups: 2, maxWaiting: 5 }
      })
      yield* Effect.zipRight(one.connection.cut, settle)
      database.hold()
      const all = yield* Effect.fork(one.cache.getMany(Object.keys(numbers(20)), { mode: "either" }))
      yield* database.begun(2)
      yield* settle
      database.release()
      const answers = yield* Fiber.join(all)
      expect(answers.filter(Either.isRight)).toHaveLength(2 * 4 + 5)
      expect(answers.filter(Either.isLeft)).toEqual(
        Array.from({ length: 7 }, () => Either.left(new LookupOverloaded({ cache: name })))
      )
      expect((yield* one.cache.stats).lookupsRejected).toBe(7)
    })
  )
})

describe("alignToKeys", () => {
  it("answers a row or an error for each key in the order of the keys, also for keys that are structs", () => {
    const rows = [
      { x: 2, tags: ["b"], name: "second" },
      { x: 1, tags: ["a"], name: "first" }
    ]
    const answers = TypedCache.alignToKeys(
      [
        { x: 1, tags: ["a"] },
        { x: 3, tags: [] },
        { x: 2, tags: ["b"] }
      ],
      {
        key: ({ tags, x }: (typeof rows)[number]) => ({ x, tags }),
        missing: ({ x }) => `no ${x}`
      }
    )(rows)
    expect(answers.map(Either.map(({ name }) => name))).toEqual([
      Either.right("first"),
      Either.left("no 3"),
      Either.right("second")
    ])
  })
})
