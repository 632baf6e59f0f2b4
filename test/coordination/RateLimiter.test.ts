import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { age, onEveryLayer } from "../support/layers.js"

const minute = 60_000

onEveryLayer((it) => {
  it.effect("allows as many calls as the limit, then says when to come back", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      const call = limiter.fixedWindow({ key: "limit:calls", limit: 2, window: "1 minute" })
      expect(yield* call).toMatchObject({ allowed: true, limit: 2, remaining: 1, retryAfter: Duration.zero })
      expect(yield* call).toMatchObject({ allowed: true, remaining: 0, retryAfter: Duration.zero })
      const rejected = yield* call
      expect(rejected).toMatchObject({ allowed: false, limit: 2, remaining: 0 })
      expect(rejected.retryAfter).toEqual(rejected.resetAfter)
      expect(Duration.between(rejected.retryAfter, { minimum: "1 second", maximum: "1 minute" })).toBe(true)
    })
  )

  it.effect("allows exactly the limit of many calls at once", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      const call = limiter.fixedWindow({ key: "limit:concurrent", limit: 17, window: "1 minute" })
      const results = yield* Effect.replicateEffect(call, 200, { concurrency: "unbounded" })
      expect(results.filter((result) => result.allowed)).toHaveLength(17)
    })
  )

  it.effect("charges nothing for a rejected call", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      const call = (cost: number) => limiter.fixedWindow({ key: "limit:rejected", limit: 5, window: "1 minute", cost })
      expect(yield* call(3)).toMatchObject({ allowed: true, remaining: 2 })
      expect(yield* call(3)).toMatchObject({ allowed: false, remaining: 2 })
      expect(yield* call(2)).toMatchObject({ allowed: true, remaining: 0 })
    })
  )

  it.effect("ends a window at the time that its first call set, however often it is called", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      const call = limiter.fixedWindow({ key: "limit:growing", limit: 2, window: "1 minute" })
      yield* call
      yield* age("limit:growing", 40_000)
      expect(Duration.lessThanOrEqualTo((yield* call).resetAfter, "20 seconds")).toBe(true)
      const rejected = yield* call
      expect(rejected.allowed).toBe(false)
      expect(Duration.lessThanOrEqualTo(rejected.resetAfter, "20 seconds")).toBe(true)
      yield* age("limit:growing", 20_000)
      expect(yield* call).toMatchObject({ allowed: true, remaining: 1, resetAfter: Duration.minutes(1) })
    })
  )

  it.effect("never allows a call that costs more than the limit, and keeps no key for it", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const limiter = yield* RateLimiter.make
      for (const [limit, cost] of [
        [3, 4],
        [0, 1]
      ] as const) {
        expect(yield* limiter.fixedWindow({ key: "limit:cost", limit, window: "1 minute", cost })).toEqual({
          allowed: false,
          limit,
          remaining: limit,
          resetAfter: Duration.zero,
          retryAfter: Duration.infinity
        })
      }
      expect(yield* client.ttl("limit:cost")).toEqual(Option.none())
    })
  )

  it.effect("rejects and does not go negative when the limit was lowered within the window", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      const key = "limit:lowered"
      yield* limiter.fixedWindow({ key, limit: 10, window: "1 minute", cost: 8 })
      expect(yield* limiter.fixedWindow({ key, limit: 5, window: "1 minute" })).toMatchObject({
        allowed: false,
        remaining: 0
      })
      expect(yield* limiter.peek({ key, limit: 5 })).toMatchObject({ limit: 5, remaining: 0 })
    })
  )

  it.effect("peeks at the running window without counting, and at the whole limit when none runs", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      const key = "limit:peek"
      expect(yield* limiter.peek({ key, limit: 3 })).toEqual({ limit: 3, remaining: 3, resetAfter: Duration.zero })
      yield* limiter.fixedWindow({ key, limit: 3, window: "1 hour" })
      for (let i = 0; i < 3; i++) {
        const usage = yield* limiter.peek({ key, limit: 3 })
        expect(usage.remaining).toBe(2)
        expect(Duration.between(usage.resetAfter, { minimum: "50 minutes", maximum: "1 hour" })).toBe(true)
      }
      yield* age(key, 60 * minute)
      expect(yield* limiter.peek({ key, limit: 3 })).toEqual({ limit: 3, remaining: 3, resetAfter: Duration.zero })
    })
  )

  it.effect("lets a caller in again whom another program's count without an expiry had locked out", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const limiter = yield* RateLimiter.make
      const key = "limit:immortal"
      yield* client.set(key, "99")
      expect(yield* limiter.peek({ key, limit: 3 })).toMatchObject({ remaining: 3 })
      expect(yield* limiter.fixedWindow({ key, limit: 3, window: "1 minute" })).toMatchObject({
        allowed: true,
        remaining: 2
      })
      expect(yield* client.ttl(key)).not.toEqual(Option.some(Duration.infinity))
    })
  )

  it.effect("accepts a window that is no whole number of milliseconds", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.make
      const result = yield* limiter.fixedWindow({ key: "limit:fraction", limit: 1, window: Duration.millis(60_000.25) })
      expect(result.resetAfter).toEqual(Duration.millis(60_001))
    })
  )

  it.effect("says so when its key holds something else, and leaves it as it is", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const limiter = yield* RateLimiter.make
      const key = "limit:set"
      yield* client.zadd(key, 1, "member")
      const wrongType = { _tag: "RedisServerError", code: "WRONGTYPE" }
      expect(yield* Effect.flip(limiter.fixedWindow({ key, limit: 3, window: "1 minute" }))).toMatchObject(wrongType)
      expect(yield* Effect.flip(limiter.peek({ key, limit: 3 }))).toMatchObject(wrongType)
      expect(yield* client.zcard(key)).toBe(1)
    })
  )

  it.effect("refuses limits, costs and windows that mean nothing, and counts nothing", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const limiter = yield* RateLimiter.make
      const valid = { key: "limit:refused", limit: 1, window: "1 minute" as Duration.DurationInput }
      for (const wrong of [{ limit: -1 }, { limit: 1.5 }, { cost: 0 }, { cost: NaN }, { window: 0 }]) {
        expect(yield* Effect.flip(limiter.fixedWindow({ ...valid, ...wrong }))).toMatchObject({
          _tag: "RedisServerError",
          code: "ERR"
        })
      }
      expect(yield* client.ttl("limit:refused")).toEqual(Option.none())
    })
  )
})

describe("the key of a limit", () => {
  it("is the guide's", () => {
    expect(RateLimiter.key("daily_bonus", "user-1")).toEqual(Either.right("ratelimit:daily_bonus:user-1"))
  })

  it("is never shared by two pairs of action and id", () => {
    const part = FastCheck.stringOf(FastCheck.constantFrom("a", "b", ":", "%", "3", "A", "{", "}"), {
      minLength: 1,
      maxLength: 5
    })
    FastCheck.assert(
      FastCheck.property(part, part, part, part, (action, id, otherAction, otherId) => {
        const same = action === otherAction && id === otherId
        return (
          same ===
          (Either.getOrThrow(RateLimiter.key(action, id)) === Either.getOrThrow(RateLimiter.key(otherAction, otherId)))
        )
      }),
      {
        numRuns: 5_000,
        examples: [
          ["a:b", "c", "a", "b:c"],
          ["a%3Ab", "c", "a:b", "c"]
        ]
      }
    )
  })

  it("is refused for an action or an id that cannot be part of a key", () => {
    for (const [action, id] of [
      ["", "u"],
      ["a", ""],
      ["a", "x".repeat(600)],
      ["a\n", "u"],
      ["a", "u\n"]
    ] as const) {
      expect(Either.flip(RateLimiter.key(action, id))).toMatchObject({ right: { _tag: "InvalidKey" } })
    }
  })
})
