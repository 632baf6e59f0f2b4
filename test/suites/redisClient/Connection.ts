/** What a RedisClient does beside its commands: many calls at once, messages, its status. */
import type { Vitest } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { expect } from "vitest"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"
import { fresh } from "./fresh.js"

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.effect("reads keys that are named only when the command leaves, and tells of them by a callback", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      // on one server, also of a cluster
      const [one, two, absent] = [fresh("{late}:one"), fresh("{late}:two"), fresh("{late}:absent")]
      yield* redis.set(one, "1")
      yield* redis.zadd(two, 1, "member")
      const keys = [one]
      const read = Effect.async<RedisExecutor.WithGeneration<ReadonlyArray<string | undefined>>, RedisError>(
        (resume) => {
          RedisExecutor.unsafeReadTexts(RedisExecutor.of(redis), () => keys, resume)
          // in the same turn
          keys.push(absent, two)
        }
      )
      const { generation, value } = yield* read
      expect(value).toEqual(["1", undefined, undefined])
      const executor = RedisExecutor.of(redis)
      expect(generation).toBe((yield* RedisExecutor.nodesOf(executor).of(one).getStatus).generation)
    })
  )

  it.effect("answers each of a thousand concurrent reads with its own value", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const prefix = fresh("concurrent")
      const ids = Array.from({ length: 1000 }, (_, i) => i)
      yield* Effect.forEach(ids, (i) => redis.set(`${prefix}:${i}`, `value ${i}`), { concurrency: "unbounded" })
      const values = yield* Effect.forEach(ids, (i) => redis.get(`${prefix}:${i}`), { concurrency: "unbounded" })
      expect(values).toEqual(ids.map((i) => Option.some(`value ${i}`)))
    })
  )

  it.effect("rejects commands that would take the shared connection over", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      for (const [command, ...args] of [
        ["MULTI"],
        ["watch", "k"],
        ["SELECT", "1"],
        ["BLPOP", "k", "0"],
        ["SUBSCRIBE", "c"],
        ["CLIENT", "reply", "OFF"]
      ] as const) {
        expect(yield* Effect.flip(redis.send(command, ...args))).toMatchObject({ _tag: "InvalidArgument" })
      }
      expect(yield* redis.send("PING")).toBe("PONG")
    })
  )

  it.effect("says what it does not know of a command as the server says it", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      expect(yield* Effect.flip(redis.send("NOSUCHCOMMAND"))).toMatchObject({ _tag: "RedisServerError", code: "ERR" })
    })
  )

  it.effect("delivers messages of a channel in their order, after saying that it listens", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const channel = fresh("channel")
      const listening = yield* Effect.fork(
        redis.subscribe(channel).pipe(
          Stream.tap((event) =>
            event._tag === "Gap"
              ? Effect.forEach(["1", "2", "3"], (message) => redis.publish(channel, message))
              : Effect.void
          ),
          Stream.take(4),
          Stream.runCollect
        )
      )
      const events = Chunk.toReadonlyArray(yield* Fiber.join(listening))
      expect(events.map((event) => (event._tag === "Gap" ? event.reason : event.message))).toEqual([
        "Connected",
        "1",
        "2",
        "3"
      ])
      expect(yield* redis.publish(fresh("nobody"), "x")).toBe(0)
    })
  )

  it.effect("is available, connected, and counts nothing in flight when it rests", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      expect(yield* redis.isAvailable).toBe(true)
      const status = yield* redis.getStatus
      expect(status).toMatchObject({ connected: true, circuit: "Closed", waiting: 0, bufferedAmount: 0 })
      expect(status.generation).toBeGreaterThan(0)
      expect(Option.isSome(status.server)).toBe(true)
      expect(Option.map(yield* Stream.runHead(redis.statusChanges), (state) => state._tag)).toEqual(
        Option.some("Connected")
      )
    })
  )
}
