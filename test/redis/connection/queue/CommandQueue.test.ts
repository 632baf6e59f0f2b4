import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { RedisClient } from "../../../../src/redis/RedisClient.js"
import * as RedisExecutor from "../../../../src/redis/RedisExecutor.js"
import * as RedisScript from "../../../../src/redis/RedisScript.js"
import {
  connect,
  error,
  make,
  reply,
  runFor,
  type ScriptedServer,
  settled,
  silence
} from "../../../support/faults/ScriptedDriver.js"

const names = (prefix: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`)

const together = { concurrency: "unbounded" } as const

describe("commands of one turn", () => {
  /** How many commands have left in each turn. */
  const sentByTurn = (server: ScriptedServer) => {
    const turns: Array<number> = []
    let hasEnded = true
    server.answer = () => {
      if (hasEnded) {
        turns.push(0)
        hasEnded = false
        setImmediate(() => {
          hasEnded = true
        })
      }
      turns.push((turns.pop() ?? 0) + 1)
      return undefined
    }
    return turns
  }

  it.scoped("leave together", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const turns = sentByTurn(server)
      yield* Effect.forEach(names("k", 15), (key) => redis.set(key, key), together)
      expect(turns).toEqual([15])
    })
  )

  it.scoped("leave in two halves where they are many, so that the server need not wait for the second", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const turns = sentByTurn(server)
      yield* Effect.forEach(names("k", 51), (key) => redis.set(key, key), together)
      expect(turns).toEqual([25, 26])
      expect(server.commands()).toEqual(names("k", 51).map((key) => `SET ${key} ${key}`))
      // and so do the next ones
      yield* settled
      yield* Effect.forEach(names("l", 16), (key) => redis.set(key, key), together)
      expect(turns.slice(2)).toEqual([8, 8])
    })
  )

  it.scoped("leave in one go where one of them has to, whose callers gather what they do next", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const turns = sentByTurn(server)
      const script = (inOneGo: boolean) =>
        RedisScript.make({
          name: "answer",
          lua: inOneGo ? "return 1" : "return 1 + 0",
          idempotent: true,
          inOneGo,
          keys: (key: string) => [key],
          args: () => [],
          reply: Schema.Int,
          model: () => 1
        })
      yield* Effect.forEach(names("k", 20), redis.run(script(false)), together)
      yield* settled
      expect(turns.splice(0)).toEqual([10, 10])
      yield* Effect.forEach(
        names("k", 21),
        (key, i) => (i === 5 ? redis.run(script(true))(key) : Effect.asVoid(redis.set(key, key))),
        together
      )
      yield* settled
      expect(turns.splice(0)).toEqual([21])
      yield* Effect.forEach(names("k", 20), (key) => redis.set(key, key), together)
      expect(turns).toEqual([10, 10])
    })
  )

  it.scoped("leave together where something is under way, which keeps the server busy", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const turns = sentByTurn(server)
      const answer = server.answer
      server.answer = (sent) => {
        answer(sent)
        return sent.args[0] === "slow" ? silence : undefined
      }
      const slow = yield* Effect.fork(redis.set("slow", "1"))
      yield* settled
      yield* Effect.forEach(names("k", 50), (key) => redis.set(key, key), together)
      expect(turns).toEqual([1, 50])
      yield* Fiber.interrupt(slow)
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

describe("callers that resume together and read again", () => {
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
      // through the calls of batching modules too
      const late = (key: string) =>
        Effect.async<unknown>((resume) =>
          RedisExecutor.of(redis).unsafeMget(
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
      const keys = names("k", 15)
      for (const key of keys.slice(0, 14)) server.values.set(key, `value of ${key}`)
      const values = yield* Effect.forEach(keys, redis.get, together)
      expect(server.commands()).toEqual([`MGET ${keys.join(" ")}`])
      expect(values).toEqual([...keys.slice(0, 14).map((key) => Option.some(`value of ${key}`)), Option.none()])
    })
  )

  it.scoped("travel as two where they are many and nothing else is under way", () =>
    Effect.gen(function* () {
      const server = yield* make
      const redis = yield* connect(server)
      const keys = names("k", 100)
      for (const key of keys) server.values.set(key, `value of ${key}`)
      const values = yield* Effect.forEach(keys, redis.get, together)
      expect(server.commands()).toEqual([`MGET ${keys.slice(0, 50).join(" ")}`, `MGET ${keys.slice(50).join(" ")}`])
      expect(values).toEqual(keys.map((key) => Option.some(`value of ${key}`)))
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
        10, 2, 10, 3
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

  it.scoped("fall back to single GETs where one key is forbidden, and only its reader fails", () =>
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

  it.scoped("are rejected as one when the reply has not one value per key", () =>
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
