/** Scripts on a RedisClient. */
import type { Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisError } from "../../../src/redis/RedisError.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"
import * as RedisScript from "../../../src/redis/RedisScript.js"
import { fresh } from "./fresh.js"

const takeOnce = RedisScript.make({
  name: "takeOnce",
  idempotent: false,
  keys: (key: string) => [key],
  args: () => [],
  lua: `
    local value = redis.call("GET", KEYS[1])
    redis.call("DEL", KEYS[1])
    return value
  `,
  reply: Schema.NullOr(Schema.String),
  model: ({ keys: [key = ""], call }) => {
    const value = call("GET", key)
    call("DEL", key)
    return value
  }
})

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  it.effect("runs a script as one step and decodes its reply", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("script")
      yield* redis.set(key, "once")
      const takers = yield* Effect.all(
        Array.from({ length: 20 }, () => redis.run(takeOnce)(key)),
        {
          concurrency: "unbounded"
        }
      )
      expect(takers.filter((value) => value !== null)).toEqual(["once"])
      expect((yield* RedisExecutor.runWithGeneration(RedisExecutor.of(redis), takeOnce, key)).value).toBe(null)
    })
  )

  it.effect("names the script whose reply has another shape than promised", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("shape")
      yield* redis.set(key, "text")
      const wrong = { ...takeOnce, reply: Schema.Int as unknown as typeof takeOnce.reply }
      expect(yield* Effect.flip(redis.run(wrong)(key))).toMatchObject({
        _tag: "RedisProtocolError",
        command: "takeOnce"
      })
    })
  )

  it.effect("answers every caller of a script whose reply's schema throws", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("throws")
      const reply = Schema.NullOr(
        Schema.String.pipe(
          Schema.filter((text): boolean => {
            throw new Error(`unlucky ${text.length}`)
          })
        )
      )
      const unlucky = RedisScript.make({ ...takeOnce, reply })
      for (const call of [
        redis.run(unlucky)(key),
        Effect.async<unknown, RedisError>((resume) =>
          RedisExecutor.unsafeRun(RedisExecutor.of(redis), unlucky, key, resume)
        )
      ]) {
        yield* redis.set(key, "text")
        expect(yield* Effect.flip(Effect.asVoid<unknown, RedisError, never>(call))).toMatchObject({
          _tag: "RedisProtocolError",
          detail: expect.stringContaining("unlucky 4")
        })
      }
    })
  )

  it.effect("carries a script's own error as a server error with its code", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const key = fresh("failing")
      yield* redis.zadd(key, 1, "member")
      expect(yield* Effect.flip(redis.run(takeOnce)(key))).toMatchObject({
        _tag: "RedisServerError",
        code: "WRONGTYPE"
      })
    })
  )
}
