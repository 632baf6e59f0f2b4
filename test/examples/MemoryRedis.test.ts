import { expect, it } from "@effect/vitest"
import { Effect, Option, TestClock } from "effect"
import { MemoryRedis, RedisClient } from "effect-cache-toolkit"

it.effect("a session is forgotten after an hour", () =>
  Effect.gen(function* () {
    const redis = yield* RedisClient.RedisClient
    yield* redis.set("session:ada", "42", { timeToLive: "1 hour" })
    yield* TestClock.adjust("59 minutes")
    expect(yield* redis.get("session:ada")).toEqual(Option.some("42"))
    yield* TestClock.adjust("1 minute")
    expect(yield* redis.get("session:ada")).toEqual(Option.none())
  }).pipe(Effect.provide(MemoryRedis.layer()))
)
