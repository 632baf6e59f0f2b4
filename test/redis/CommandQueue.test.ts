import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import { connect, error, make, reply, runFor, silence } from "../support/ScriptedDriver.js"

const names = (prefix: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`)

const together = { concurrency: "unbounded" } as const

describe("commands of one turn", () => {
  it.scoped("leave together", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      let turn = 0
      const turns = new Set<number>()
      server.answer = () => {
        turns.add(turn)
        setImmediate(() => turn++)
        return undefined
      }
      yield* Effect.forEach(names("k", 50), (key) => redis.set(key, key), together)
      expect(server.commands().length).toBe(50)
      expect(turns.size).toBe(1)
    })
  )

  it.scoped("are sent in the order of their calls", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      yield* Effect.forEach(names("k", 20), (key) => redis.set(key, key), together)
      expect(server.commands()).toEqual(names("k", 20).map((key) => `SET ${key} ${key}`))
    })
  )
})

describe("callers who are answered together and ask again", () => {
  /** Each asks as soon as it is answered, of which it hears in a microtask of its own. */
  const asking = (redis: RedisClient.Service, keys: ReadonlyArray<string>, rounds: number) =>
    Effect.forEach(keys, (key) => Effect.replicateEffect(redis.get(key), rounds), { ...together, discard: true })

  it.scoped("leave together, though nothing is under way when the first of them asks", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const keys = names("k", 8)
      yield* asking(redis, keys, 5)
      const whole = `MGET ${keys.join(" ")}`
      expect(server.commands()).toEqual([whole, whole, whole, whole, whole])
      // through the calls that batch by themselves too
      const late = (key: string) =>
        Effect.async<unknown>((resume) =>
          redis.unsafeMget(
            () => ["marker", key],
            (reply) => resume(Effect.orDie(reply))
          )
        )
      const before = server.sent.length
      yield* late("a")
      yield* late("b")
      expect(server.sent.length).toBe(before + 2)
    })
  )

  it.scoped("wait for no turn when they are alone", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      let turns = 0
      const turn = () => {
        turns++
        clock = setImmediate(turn)
      }
      let clock = setImmediate(turn)
      yield* asking(redis, ["a"], 20)
      clearImmediate(clock)
      expect(server.commands().length).toBe(20)
      expect(turns).toBeLessThan(20)
    })
  )
})

describe("concurrent reads", () => {
  it.scoped("travel as one MGET, and every caller has the value of its own key", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const keys = names("k", 100)
      for (const key of keys.slice(0, 99)) server.values.set(key, `value of ${key}`)
      const values = yield* Effect.forEach(keys, redis.get, together)
      expect(server.commands()).toEqual([`MGET ${keys.join(" ")}`])
      expect(values).toEqual([...keys.slice(0, 99).map((key) => Option.some(`value of ${key}`)), Option.none()])
    })
  )

  it.scoped("are split where there are more of them than one MGET takes", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { maxKeysPerRead: 10 })
      const keys = names("k", 25)
      for (const key of keys) server.values.set(key, key)
      const values = yield* Effect.forEach(keys, redis.get, together)
      expect(server.sent.filter(({ command }) => command === "MGET").map(({ args }) => args.length)).toEqual([
        10, 10, 5
      ])
      expect(values).toEqual(keys.map(Option.some))
    })
  )

  it.scoped("leave after the writes of their turn, so that nobody misses a write of its own", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const [before, , after] = yield* Effect.all(
        [redis.get("key"), redis.set("key", "new"), redis.get("key")],
        together
      )
      expect(server.commands()).toEqual(["SET key new", "MGET key key"])
      expect([before, after]).toEqual([Option.some("new"), Option.some("new")])
    })
  )

  it.scoped("fall back to single GETs where one key is forbidden, and only its reader is told", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.values.set("mine", "value")
      server.answer = ({ args }) =>
        args.includes("theirs") ? error("NOPERM No permissions to access a key") : undefined
      const [mine, theirs] = yield* Effect.all([redis.get("mine"), Effect.flip(redis.get("theirs"))], together)
      expect(mine).toEqual(Option.some("value"))
      expect(theirs).toMatchObject({ _tag: "RedisAuthError", reason: "NoPermission", command: "GET" })
      yield* redis.get("mine")
      expect(server.commands()).toEqual(["MGET mine theirs", "GET mine", "GET theirs", "GET mine"])
    })
  )

  for (const [name, rejection] of [
    ["a cluster's keys lie in different slots", "CROSSSLOT Keys in request don't hash to the same slot"],
    ["the user may not MGET", "NOPERM User app has no permissions to run the 'mget' command"]
  ] as const) {
    it.scoped(`go alone for the rest of the connection when ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* make
        const redis = yield* connect(server)
        server.values.set("a", "1")
        server.values.set("b", "2")
        server.answer = ({ command }) => (command === "MGET" ? error(rejection) : undefined)
        const read = Effect.all([redis.get("a"), redis.get("b")], together)
        expect(yield* read).toEqual([Option.some("1"), Option.some("2")])
        expect(yield* read).toEqual([Option.some("1"), Option.some("2")])
        expect(server.commands()).toEqual(["MGET a b", "GET a", "GET b", "GET a", "GET b"])
        server.cut()
        yield* runFor(1000)
        yield* read
        expect(server.count("MGET"), "the next connection tries again").toBe(2)
      })
    )
  }

  it.scoped("keep their deadline where they fall back to single GETs", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server, { timeoutsToGiveUp: 100 })
      server.answer = ({ command }) =>
        command === "MGET" ? error("CROSSSLOT") : command === "GET" ? silence : undefined
      const reading = yield* Effect.fork(Effect.flip(redis.get("key")))
      yield* runFor(999)
      expect(yield* Fiber.poll(reading)).toEqual(Option.none())
      yield* runFor(1)
      expect((yield* Fiber.join(reading))._tag).toBe("RedisTimeout")
    })
  )

  it.scoped("read a key of another type as absent, alone or together", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.answer = ({ command }) =>
        command === "MGET" ? error("CROSSSLOT") : command === "GET" ? error("WRONGTYPE not a string") : undefined
      expect(yield* redis.get("list")).toEqual(Option.none())
    })
  )

  it.scoped("are refused as one when the reply has not one value per key", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.answer = ({ command }) => (command === "MGET" ? reply(["only one"]) : undefined)
      const read = Effect.flip(redis.get("a"))
      const failures = yield* Effect.all([read, read], together)
      expect(failures.map(({ _tag }) => _tag)).toEqual(["RedisProtocolError", "RedisProtocolError"])
    })
  )

  it.scoped("of bytes go alone and come back as they are stored", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      server.values.set("key", "é")
      expect(yield* redis.getBuffer("key")).toEqual(Option.some(new Uint8Array([0xc3, 0xa9])))
      expect(server.commands()).toEqual(["GET key"])
    })
  )
})
