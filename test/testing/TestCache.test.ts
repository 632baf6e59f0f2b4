/** How an application plays an outage, a miss and a stale value in its tests. */
import { describe, expect, it } from "@effect/vitest"
import * as Boolean from "effect/Boolean"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { RedisClient } from "../../src/redis/RedisClient.js"
import * as TestCache from "../../src/testing/TestCache.js"
import { TestRedis } from "../../src/testing/TestRedis.js"
import {
  ada,
  DatabaseError,
  grace,
  greeting,
  Profiles,
  profile,
  sourceOf,
  UserNotFound,
  Visits
} from "../support/cache/Application.js"
import { until } from "../support/until.js"

describe("a cache in an application's test", () => {
  const test = TestCache.layer(Profiles, {
    seed: [[ada, profile(ada, "Ada")]],
    missing: (id) => new UserNotFound({ id })
  })

  for (const [clock, run] of [
    ["the test's clock", it.effect],
    ["the system's clock", it.live]
  ] as const) {
    describe(`under ${clock}`, () => {
      run("holds what it is seeded with, and needs neither server nor lookup", () =>
        Effect.gen(function* () {
          expect(yield* greeting(ada)).toBe("Hello, Ada!")
          expect(yield* greeting(grace)).toBe("Who are you?")
          const { lookups, seed } = yield* TestCache.of(Profiles)
          expect([yield* lookups(ada), yield* lookups(grace)]).toEqual([0, 1])
          yield* seed(grace, profile(grace, "Grace"))
          expect(yield* greeting(grace)).toBe("Hello, Grace!")
          expect(yield* lookups(grace)).toBe(1)
        }).pipe(Effect.provide(test))
      )

      run("plays an outage: answers come from the source, and from Redis again when it is back", () =>
        Effect.gen(function* () {
          const { change, loseRedis, lookups, miss, restoreRedis } = yield* TestCache.of(Profiles)
          yield* miss(ada)
          yield* loseRedis
          yield* change(ada, profile(ada, "Augusta"))
          expect(yield* sourceOf(ada)).toBe("Degraded")
          expect(yield* greeting(ada)).toBe("Hello, Augusta!")
          yield* restoreRedis
          expect(yield* sourceOf(ada)).toBe("Lookup")
          expect(yield* lookups(ada)).toBe(2)
          expect(["Redis", "Local"]).toContain(yield* sourceOf(ada))
          expect(yield* greeting(ada)).toBe("Hello, Augusta!")
        }).pipe(Effect.provide(test))
      )

      run("plays a stale value, also in the local tier: served, and refreshed in the background", () =>
        Effect.gen(function* () {
          const { change, goStale } = yield* TestCache.of(Profiles)
          yield* until("the process holds it", () =>
            Effect.map(Effect.orDie(sourceOf(ada)), (source) => source === "Local")
          )
          yield* change(ada, profile(ada, "Augusta"))
          yield* goStale(ada)
          expect(yield* sourceOf(ada)).toBe("Stale")
          yield* until("it is refreshed", () =>
            Effect.map(Effect.orDie(greeting(ada)), (text) => text === "Hello, Augusta!")
          )
        }).pipe(Effect.provide(test))
      )

      run("plays a miss, and a source that fails", () =>
        Effect.gen(function* () {
          const { fail, lookups, miss } = yield* TestCache.of(Profiles)
          yield* fail(ada, new DatabaseError())
          expect(yield* greeting(ada)).toBe("Hello, Ada!")
          expect(yield* lookups(ada)).toBe(0)
          yield* miss(ada)
          expect(yield* Effect.flip(greeting(ada))).toEqual(new DatabaseError())
        }).pipe(Effect.provide(test))
      )
    })
  }

  it.effect("shares one Redis with the caches that are built with it, and with the test", () =>
    Effect.gen(function* () {
      const [profiles, visits] = [yield* Profiles, yield* Visits]
      const redis = yield* RedisClient
      const connection = yield* TestRedis
      expect(Option.isSome(yield* redis.get("user:profile:ada"))).toBe(true)
      expect(yield* visits.get(ada)).toBe(7)
      yield* connection.cut
      expect(yield* Effect.either(visits.get(ada))).toMatchObject(Either.left({ _tag: "RedisUnavailable" }))
      expect((yield* profiles.getResult(ada)).source).toBe("Degraded")
      yield* until("the outage is noticed", () => Effect.map(profiles.isAvailable, Boolean.not))
    }).pipe(
      Effect.provide(
        Layer.merge(
          TestCache.layer(Profiles, { seed: [[ada, profile(ada, "Ada")]], local: undefined }),
          TestCache.layer(Visits, { seed: [[ada, 7]] })
        )
      )
    )
  )

  it.effect("dies for a key without a seed and without `missing`", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.flatMap(Visits, ({ get }) => get(ada)))
      expect(Exit.isFailure(exit) && String(exit.cause)).toContain('no value of "user:visits:ada"')
    }).pipe(Effect.provide(TestCache.layer(Visits)))
  )
})
