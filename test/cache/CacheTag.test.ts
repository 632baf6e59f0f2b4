import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import type * as TypedCache from "../../src/cache/TypedCache.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import {
  ada,
  Database,
  type DatabaseError,
  grace,
  greeting,
  type Profile,
  Profiles,
  profile,
  type UserId,
  UserNotFound,
  type Visits
} from "../support/cache/Application.js"

describe("a cache's class", () => {
  it.effect("has a layer over a client and a source, which is one expression", () =>
    Effect.gen(function* () {
      const asked: Array<UserId> = []
      const layer = Profiles.layer({
        lookup: (id) => Effect.flatMap(Database, ({ find }) => find(id)),
        timeToLive: "10 seconds"
      })
      expectTypeOf(layer).toEqualTypeOf<Layer.Layer<Profiles, never, RedisClient | Database>>()
      const database = Layer.succeed(Database, {
        find: (id) => {
          asked.push(id)
          return id === ada ? Effect.succeed(profile(ada, "Ada")) : Effect.fail(new UserNotFound({ id }))
        }
      })
      yield* Effect.gen(function* () {
        yield* TestClock.adjust("1 second")
        expect(yield* greeting(ada)).toBe("Hello, Ada!")
        expect(yield* greeting(grace)).toBe("Who are you?")
        expect(yield* greeting(grace)).toBe("Who are you?")
        expect(asked).toEqual([ada, grace])
        const { timeLeft } = yield* Effect.flatMap(Profiles, (profiles) => profiles.getResult(ada))
        expect(Number(timeLeft.value._tag === "Millis" && timeLeft.value.millis)).toBeLessThanOrEqual(10_000)
      }).pipe(Effect.provide(Layer.provide(layer, Layer.merge(MemoryRedis.layer(), database))))
    })
  )

  it("says in its types what a read may fail with", () => {
    expectTypeOf<Context.Tag.Service<typeof Profiles>>().toEqualTypeOf<
      TypedCache.TypedCache<UserId, Profile, DatabaseError | UserNotFound | TypedCache.EngineError>
    >()
    expectTypeOf<Context.Tag.Service<typeof Visits>>().toEqualTypeOf<
      TypedCache.TypedCache<UserId, number, TypedCache.LookupTimeout | TypedCache.EngineError<"fail">>
    >()
    expectTypeOf(greeting).returns.toEqualTypeOf<
      Effect.Effect<string, DatabaseError | TypedCache.EngineError<"lookup">, Profiles>
    >()
  })
})
