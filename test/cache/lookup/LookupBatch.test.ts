/** `lookupMany`: which lookups share a call, and what each of them gets of it. */
import { createHash } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
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
import { processes, read } from "../../support/cache/CacheProcesses.js"
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
      const acquire = [LeaseScripts.acquire.lua, createHash("sha1").update(LeaseScripts.acquire.lua).digest("hex")]
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
