/** An executor of an application's own: the few operations that a `RedisClient` is built on, written by hand. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TypedCache from "../../src/cache/TypedCache.js"
import * as MonotonicClock from "../../src/internal/MonotonicClock.js"
import * as Keyspace from "../../src/redis/memory/Keyspace.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import * as RedisCommands from "../../src/redis/RedisCommands.js"
import { fromServerReply, InvalidArgument, type RedisError } from "../../src/redis/RedisError.js"
import * as RedisExecutor from "../../src/redis/RedisExecutor.js"
import { ConnectionState } from "../../src/redis/RedisStatus.js"
import { settle } from "../support/until.js"

/** A server as one value, and an executor on it: `sent` lists the commands and scripts that it received. */
const handwritten = Effect.gen(function* () {
  const clock = yield* Clock.clockWith(Effect.succeed)
  const sent: Array<string> = []
  const state = { keyspace: Keyspace.make(), rejection: undefined as RedisError | undefined }
  const connection = ConnectionState.Connected({ generation: 1 })

  const perform = (name: string, run: (now: number) => Keyspace.Execution) =>
    Effect.suspend(() => {
      if (state.rejection !== undefined) return Effect.fail(state.rejection)
      sent.push(name)
      const { keyspace, reply } = run(Math.floor(MonotonicClock.unsafeMillis(clock)))
      state.keyspace = keyspace
      return reply instanceof Keyspace.ErrorReply
        ? Effect.fail(fromServerReply(name, reply.message))
        : Effect.succeed({ value: reply, generation: 1 })
    })
  const command: RedisExecutor.RedisExecutor["command"] = (name, args) =>
    perform(name, (now) => Keyspace.execute(state.keyspace, { now, publish: () => 0 }, name, args))
  const script: RedisExecutor.RedisExecutor["script"] = (script, input) =>
    perform(script.name, (now) =>
      Keyspace.runScript(state.keyspace, { now, publish: () => 0 }, script, script.keys(input), script.args(input))
    )
  const subscribe: RedisExecutor.RedisExecutor["subscribe"] = (channel) =>
    Stream.concat(Stream.make({ _tag: "Gap", channel, reason: "Connected" } as const), Stream.never)

  const executor: RedisExecutor.RedisExecutor = {
    get: (key) =>
      Effect.map(command("GET", [key], { idempotent: true }), ({ value }) =>
        Option.liftPredicate(value, (text) => typeof text === "string")
      ),
    getBuffer: () => Effect.succeedNone,
    command,
    script,
    subscribe,
    ...(yield* RedisExecutor.callbacksFrom({ command, script, subscribe })),
    clockOffsetMillis: () => 0,
    getStatus: Effect.succeed({
      state: connection,
      connected: true,
      circuit: "Closed",
      generation: 1,
      inFlight: 0,
      waiting: 0,
      bufferedAmount: 0,
      server: Option.none(),
      latency: Option.none(),
      clockOffsetMillis: 0,
      address: Option.none(),
      lastFailure: Option.none()
    }),
    statusChanges: Stream.make(connection),
    circuitChanges: Stream.make("Closed" as const),
    close: Effect.void
  }
  return { redis: RedisCommands.fromExecutor(executor), executor, sent, state }
})

const cacheOf = (redis: RedisClient.Service) => {
  const lookups: Array<string> = []
  return Effect.map(
    Effect.provideService(
      TypedCache.make({
        name: "own",
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        lookup: (id: string) => {
          lookups.push(id)
          return Effect.succeed(id.length)
        }
      }),
      RedisClient,
      redis
    ),
    (cache) => ({ cache, lookups })
  )
}

describe("a client on a hand-written executor", () => {
  it.scoped("has every typed command", () =>
    Effect.gen(function* () {
      const { redis } = yield* handwritten
      expect(yield* redis.set("k", "v", { timeToLive: "1 minute" })).toBe(true)
      expect(yield* redis.get("k")).toEqual(Option.some("v"))
      expect(yield* redis.mget(["k", "none"])).toEqual([Option.some("v"), Option.none()])
      yield* redis.zadd("board", 3, "ada")
      expect(yield* redis.zrevrangeWithScores("board", 0, -1)).toEqual([{ member: "ada", score: 3 }])
    })
  )

  it.scoped("carries a typed cache: a value is looked up once, stored, read by another process and invalidated", () =>
    Effect.gen(function* () {
      const { redis, sent } = yield* handwritten
      const one = yield* cacheOf(redis)
      const other = yield* cacheOf(redis)
      yield* settle
      expect(yield* one.cache.get("abc")).toBe(3)
      expect(yield* other.cache.getResult("abc")).toMatchObject({ source: "Redis", value: 3 })
      expect([one.lookups, other.lookups]).toEqual([["abc"], []])
      expect(yield* one.cache.invalidate("abc")).toBe(true)
      yield* other.cache.get("abc")
      expect(other.lookups).toEqual(["abc"])
      expect(sent).toContain("MGET")
    })
  )

  it.scoped("is served by the lookup while the executor rejects arguments, which is not an outage of Redis", () =>
    Effect.gen(function* () {
      const { redis, state } = yield* handwritten
      const { cache, lookups } = yield* cacheOf(redis)
      yield* settle
      state.rejection = new InvalidArgument({ command: "MGET", argument: "key", value: "?", allowed: "another" })
      expect(yield* cache.getResult("abc")).toMatchObject({ source: "Degraded", reason: "InvalidArgument", value: 3 })
      expect([lookups, yield* cache.isAvailable]).toEqual([["abc"], true])
      state.rejection = undefined
      expect(yield* cache.get("abc")).toBe(3)
      expect(yield* cache.getResult("abc")).toMatchObject({ source: "Redis" })
    })
  )
})

describe("the callbacks that are derived from the effects of an executor", () => {
  it.scoped("answer in the order of the calls, with the reply or the failure", () =>
    Effect.gen(function* () {
      const { executor, redis, state } = yield* handwritten
      yield* redis.set("a", "1")
      const replies: Array<unknown> = []
      const read = (key: string) =>
        RedisExecutor.unsafeReadTexts(
          executor,
          () => [key],
          (reply) => replies.push(Exit.isSuccess(reply) ? reply.value : reply.cause.toString())
        )
      read("a")
      read("b")
      yield* settle
      state.rejection = new InvalidArgument({ command: "MGET", argument: "key", value: "?", allowed: "another" })
      read("c")
      yield* settle
      expect(replies).toEqual([
        { value: ["1"], generation: 1 },
        { value: [undefined], generation: 1 },
        expect.stringContaining("argument `key` is ?; it must be another")
      ])
    })
  )
})
