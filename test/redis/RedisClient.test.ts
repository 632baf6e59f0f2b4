import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { describe, expect, it } from "vitest"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { layerOff, RedisClient } from "../../src/redis/RedisClient.js"
import { contract } from "../suites/RedisClientSuite.js"
import { onEveryLayer } from "../support/server/clientLayers.js"

onEveryLayer(contract)

describe("a client that is switched off or closed", () => {
  it("rejects every command at once with the reason", () =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      expect(yield* Effect.flip(redis.get("k"))).toMatchObject({ _tag: "RedisUnavailable", reason: "Disabled" })
      expect(yield* Effect.flip(redis.incr("k"))).toMatchObject({ _tag: "RedisUnavailable", reason: "Disabled" })
      expect(yield* redis.isAvailable).toBe(false)
      expect((yield* redis.getStatus).state._tag).toBe("Disabled")
    }).pipe(Effect.provide(layerOff), Effect.runPromise))

  it("stays closed after close, and its scope may still be closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(MemoryRedis.layer(), scope)
      const redis = yield* Effect.provide(RedisClient, context)
      yield* redis.set("k", "v")
      yield* redis.close
      expect(yield* Effect.flip(redis.get("k"))).toMatchObject({ _tag: "RedisUnavailable", reason: "Disabled" })
      expect(Option.isNone((yield* redis.getStatus).lastFailure)).toBe(true)
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.runPromise))
})
