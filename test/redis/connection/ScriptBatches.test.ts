import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as ScriptBatches from "../../../src/redis/connection/ScriptBatches.js"
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"
import * as RedisScript from "../../../src/redis/RedisScript.js"
import {
  connect,
  error,
  make,
  reply,
  type ScriptedServer,
  settled,
  silence
} from "../../support/faults/ScriptedDriver.js"

interface Call {
  readonly key: string
  readonly group?: string
  readonly length?: number
}

/** A script that answers 1 for each call. */
const count = RedisScript.makeBatched({
  name: "count",
  idempotent: true,
  groupOf: ({ group = "" }: Call) => group,
  keys: (calls) => calls.map(({ key }) => key),
  args: (calls) => calls.map(({ key }) => `of ${key}`),
  length: ({ length = 0 }) => length,
  lua: "local replies = {} for i = 1, #KEYS do replies[i] = 1 end return replies",
  reply: Schema.Int,
  model: () => 1
})

const together = { concurrency: "unbounded" } as const

/** The keys of each command, and answers of 1 for each. */
const answering = (server: ScriptedServer) => {
  const sent: Array<{ readonly command: string; readonly keys: ReadonlyArray<string> }> = []
  server.answer = ({ args, command }) => {
    if (!command.startsWith("EVAL") || args[0] === "return 1") return undefined
    const keys = args.slice(2, 2 + Number(args[1])).map(String)
    sent.push({ command, keys })
    return reply(keys.length === 1 ? 1 : keys.map(() => 1))
  }
  return sent
}

/** Lets what is no microtask come to an end. */
const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** A client that knows the hashes of the script, and a server that answers it. */
const prepared = Effect.gen(function* () {
  const server = yield* make
  const redis = yield* connect(server)
  const sent = answering(server)
  yield* Effect.repeat(Effect.zipLeft(redis.run(count)({ key: "first" }), turn), {
    until: () => sent.at(-1)?.command === "EVALSHA"
  })
  yield* settled
  sent.splice(0)
  return { server, redis, sent }
})

const runAll = (redis: RedisClient.Service, calls: ReadonlyArray<Call>) =>
  Effect.forEach(calls, (call) => Effect.either(redis.run(count)(call)), together)

const named = (prefix: string, count: number): ReadonlyArray<Call> =>
  Array.from({ length: count }, (_, i) => ({ key: `${prefix}${i}` }))

describe("calls of a script with a batch", () => {
  it.scoped("that are made in one turn travel as one command, and each has its own reply", () =>
    Effect.gen(function* () {
      const { redis, sent, server } = yield* prepared
      const { answer } = server
      server.answer = (sent) => {
        const answered = answer(sent)
        return answered === undefined ? undefined : reply([7, 8, 9])
      }
      expect(yield* runAll(redis, named("k", 3))).toEqual([7, 8, 9].map(Either.right))
      expect(sent).toEqual([{ command: "EVALSHA", keys: ["k0", "k1", "k2"] }])
    })
  )

  it.scoped("travel together with others of their key where their script allows it", () =>
    Effect.gen(function* () {
      const { redis, sent } = yield* prepared
      const { batch } = count
      if (batch === undefined) return yield* Effect.dieMessage("the script has no batch")
      const calls = [{ key: "k" }, { key: "k" }, { key: "other" }]
      yield* runAll(redis, calls)
      expect(sent.splice(0).map(({ keys }) => keys)).toEqual([["k"], ["k", "other"]])
      const sharing = { ...count, batch: { ...batch, sharesKeys: true } }
      yield* Effect.forEach(calls, redis.run(sharing), together)
      expect(sent.map(({ keys }) => keys)).toEqual([["k", "k", "other"]])
    })
  )

  it.scoped(
    "leave behind an earlier call of another script on their key, though an earlier command would take them",
    () =>
      Effect.gen(function* () {
        const { redis, sent } = yield* prepared
        const alone = { ...count, batch: undefined }
        const other = { ...count }
        // what comes between the command that is open and the call on the same key
        for (const between of [other, alone]) {
          yield* Effect.all(
            [redis.run(count)({ key: "x" }), redis.run(between)({ key: "k" }), redis.run(count)({ key: "k" })],
            together
          )
          expect(sent.splice(0).map(({ keys }) => keys)).toEqual([["x"], ["k"], ["k"]])
        }
        yield* Effect.all(
          [redis.run(count)({ key: "x" }), redis.run(other)({ key: "k" }), redis.run(count)({ key: "y" })],
          together
        )
        expect(sent.map(({ keys }) => keys)).toEqual([["x", "y"], ["k"]])
      })
  )

  it.scoped("travel alone where there is one, by the Lua of one call", () =>
    Effect.gen(function* () {
      const { redis, sent, server } = yield* prepared
      expect(yield* redis.run(count)({ key: "k" })).toBe(1)
      expect(sent).toEqual([{ command: "EVALSHA", keys: ["k"] }])
      expect(server.sent.at(-1)?.args.slice(1)).toEqual([1, "k", "of k"])
    })
  )

  it.scoped("travel apart where they are of two groups, have a key in common, are large or too many", () =>
    Effect.gen(function* () {
      const { redis, sent } = yield* prepared
      const keysOf = () => sent.splice(0).map(({ keys }) => keys.join(" "))
      yield* runAll(redis, [
        { key: "a", group: "one" },
        { key: "b", group: "two" },
        { key: "c", group: "one" }
      ])
      expect(keysOf()).toEqual(["a c", "b"])
      yield* runAll(redis, [{ key: "a" }, { key: "b" }, { key: "a" }, { key: "c" }])
      expect(keysOf()).toEqual(["a b", "a c"])
      yield* runAll(redis, [
        { key: "a", length: 40_000 },
        { key: "b", length: 40_000 },
        { key: "c", length: 10 }
      ])
      expect(keysOf()).toEqual(["a", "b c"])
      yield* runAll(redis, named("k", 150))
      expect(sent.map(({ keys }) => keys.length)).toEqual([64, 64, 22])
    })
  )

  it.scoped("fail each by its own error, and all by the error of the command", () =>
    Effect.gen(function* () {
      const { redis, server } = yield* prepared
      server.answer = ({ command }) => (command === "EVALSHA" ? reply([1, "OOM no memory", 1]) : undefined)
      const some = yield* runAll(redis, named("k", 3))
      expect(some.map(Either.isRight)).toEqual([true, false, true])
      expect(some[1]).toMatchObject({ left: { _tag: "RedisServerError", code: "OOM" } })
      server.answer = ({ command }) => (command === "EVALSHA" ? error("MISCONF no disk") : undefined)
      const none = yield* runAll(redis, named("k", 2))
      expect(none).toMatchObject([{ left: { code: "MISCONF" } }, { left: { code: "MISCONF" } }])
      server.answer = ({ command }) => (command === "EVALSHA" ? reply([1]) : undefined)
      expect(yield* runAll(redis, named("k", 2))).toMatchObject([
        { left: { _tag: "RedisProtocolError" } },
        { left: { _tag: "RedisProtocolError" } }
      ])
    })
  )

  it.scoped("are not sent where their callers have ended", () =>
    Effect.gen(function* () {
      const { redis, sent, server } = yield* prepared
      const { answer } = server
      // what is under way keeps the calls in the queue until the turn ends
      server.answer = (sent) => (sent.args[0] === "slow" ? silence : answer(sent))
      yield* Effect.fork(redis.get("slow"))
      yield* settled
      const callers = yield* Effect.forEach(named("k", 3), (call) => Effect.fork(redis.run(count)(call)))
      yield* Effect.yieldNow()
      const [first, second, third] = callers
      if (first !== undefined) yield* Fiber.interrupt(first)
      if (third !== undefined) yield* Fiber.interrupt(third)
      if (second !== undefined) expect(yield* Fiber.join(second)).toBe(1)
      expect(sent.map(({ keys }) => keys)).toEqual([["k1"]])

      const alone = yield* Effect.fork(redis.run(count)({ key: "left" }))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(alone)
      // joins no command that is never sent
      expect(yield* redis.run(count)({ key: "next" })).toBe(1)
      expect(sent.slice(1).flatMap(({ keys }) => keys)).toEqual(["next"])
    })
  )

  it.scoped("are sent whole, together again, to a server that does not know their script", () =>
    Effect.gen(function* () {
      const { redis, sent, server } = yield* prepared
      const { answer } = server
      server.answer = (sent) => {
        const answered = answer(sent)
        return sent.command === "EVALSHA" ? error("NOSCRIPT No matching script") : answered
      }
      expect(yield* runAll(redis, named("k", 3))).toEqual([1, 1, 1].map(Either.right))
      expect(sent).toEqual([
        { command: "EVALSHA", keys: ["k0", "k1", "k2"] },
        { command: "EVAL", keys: ["k0", "k1", "k2"] }
      ])
      expect(server.sent.at(-1)?.args[0]).toBe(count.batch?.lua)
    })
  )

  it.scoped("are all answered where the callback of one throws", () =>
    Effect.gen(function* () {
      const { redis } = yield* prepared
      const executor = RedisExecutor.of(redis)
      const answered: Array<string> = []
      for (const { key } of named("k", 3)) {
        executor.unsafeScript(count, { key }, () => {
          answered.push(key)
          if (key === "k0") throw new Error("a caller's fault")
        })
      }
      yield* settled
      yield* turn
      expect(answered).toEqual(["k0", "k1", "k2"])
    })
  )

  it("join no command whose order is forgotten, since a busy queue remembers a bounded number of keys", () => {
    const commands: Array<() => ReadonlyArray<unknown>> = []
    const send = ScriptBatches.make(
      { late: (_command, args) => void commands.push(args), traced: (_command, onReply) => onReply },
      (_form, lua) => lua
    )
    // a test has no type for the input of every script
    const script = count as RedisScript.RedisScript<unknown, unknown>
    const call = (key: string, isAlone: boolean) =>
      send("EVALSHA", { script, input: { key }, keys: [key], slot: undefined, isAlone }, () => {}, undefined)
    call("open", false)
    for (let i = 0; i <= 20_000; i++) call(`alone${i}`, true)
    const before = commands.length
    // its key was in a command behind the open one, which is no longer known
    call("alone0", false)
    expect(commands.length).toBe(before + 1)
    call("next", false)
    expect(commands.length).toBe(before + 1)
  })
})
