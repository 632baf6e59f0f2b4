import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { runs } from "../../support/effort.js"
import { age, onEveryLayer } from "../../support/server/clientLayers.js"
import { limitScripts } from "./limitScripts.js"

const minute = 60_000
const { Decision } = RateLimiter

const fixed = (limit: number, window: Duration.DurationInput = "1 minute") =>
  RateLimiter.fixedWindow({ limit, window, onUnavailable: "deny" })

const algorithms = {
  FixedWindow: RateLimiter.fixedWindow,
  SlidingLog: RateLimiter.slidingLog,
  SlidingCounter: RateLimiter.slidingCounter,
  TokenBucket: RateLimiter.tokenBucket
}

describe("a rate limiter", () => {
  onEveryLayer((it) => {
    for (const [algorithm, of] of Object.entries(algorithms)) {
      const limitOf = (limit: number) => of({ limit, window: "1 hour", onUnavailable: "deny" })

      it.effect(`allows as many calls as the limit, then says when to retry (${algorithm})`, () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const call = limiter.consume("limit:calls", limitOf(2))
          expect(yield* call).toMatchObject({ allowed: true, limit: 2, remaining: 1, retryAfter: Duration.zero })
          expect(yield* call).toMatchObject({ allowed: true, remaining: 0, decision: Decision.Redis() })
          const rejected = yield* call
          expect(rejected).toMatchObject({ allowed: false, limit: 2, remaining: 0, decision: Decision.Redis() })
          // a counter's window of the calendar may have just begun, and counts in the next one too
          const longest = algorithm === "SlidingCounter" ? "2 hours" : "1 hour"
          expect(Duration.between(rejected.retryAfter, { minimum: "1 second", maximum: longest })).toBe(true)
          expect(Duration.lessThanOrEqualTo(rejected.retryAfter, rejected.resetAfter)).toBe(true)
          expect(Duration.lessThanOrEqualTo(rejected.resetAfter, "2 hours")).toBe(true)
        })
      )

      it.effect(`allows exactly the limit of many calls at once (${algorithm})`, () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const call = limiter.consume("limit:concurrent", limitOf(17))
          const results = yield* Effect.replicateEffect(call, 200, { concurrency: "unbounded" })
          expect(results.filter((result) => result.allowed)).toHaveLength(17)
        })
      )

      it.effect(`compares numbers, not their texts, so that 9 is less than 10 (${algorithm})`, () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const call = (cost: number) => limiter.consume("limit:numbers", limitOf(10), { cost })
          expect(yield* call(9)).toMatchObject({ allowed: true, remaining: 1 })
          expect(yield* call(2)).toMatchObject({ allowed: false })
          expect(yield* call(1)).toMatchObject({ allowed: true, remaining: 0 })
        })
      )

      it.effect(`charges nothing for a rejected call (${algorithm})`, () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const call = (cost: number) => limiter.consume("limit:rejected", limitOf(5), { cost })
          expect(yield* call(3)).toMatchObject({ allowed: true, remaining: 2 })
          expect(yield* call(3)).toMatchObject({ allowed: false, remaining: 2 })
          expect(yield* call(2)).toMatchObject({ allowed: true, remaining: 0 })
        })
      )

      it.effect(`never allows a call that costs more than the limit, and keeps no key for it (${algorithm})`, () =>
        Effect.gen(function* () {
          const client = yield* RedisClient
          const limiter = yield* RateLimiter.make
          expect(yield* limiter.consume("limit:cost", limitOf(3), { cost: 4 })).toEqual({
            allowed: false,
            limit: 3,
            remaining: 3,
            resetAfter: Duration.zero,
            retryAfter: Duration.infinity,
            decision: Decision.Redis()
          })
          expect(yield* client.ttl(limitScripts[limitOf(3).algorithm].keyOf("ratelimit:limit:cost"))).toEqual(
            Option.none()
          )
        })
      )

      it.effect(`returns the refunded cost, and never more than was taken (${algorithm})`, () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const limit = limitOf(5)
          expect(yield* limiter.refund("limit:refund", limit, { cost: 2 })).toMatchObject({ remaining: 5 })
          yield* limiter.consume("limit:refund", limit, { cost: 5 })
          expect(yield* limiter.refund("limit:refund", limit, { cost: 2 })).toMatchObject({ limit: 5, remaining: 2 })
          expect(yield* limiter.peek("limit:refund", limit)).toMatchObject({ remaining: 2 })
          expect(yield* limiter.refund("limit:refund", limit, { cost: 50 })).toMatchObject({ remaining: 5 })
          expect(yield* limiter.consume("limit:refund", limit, { cost: 5 })).toMatchObject({ allowed: true })
          expect(yield* limiter.consume("limit:refund", limit)).toMatchObject({ allowed: false })
        })
      )

      it.effect(`forgets all calls on a reset (${algorithm})`, () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const limit = limitOf(2)
          const call = limiter.consume("limit:reset", limit, { cost: 2 })
          yield* call
          expect(yield* call).toMatchObject({ allowed: false })
          yield* limiter.reset("limit:reset", limit)
          expect(yield* limiter.peek("limit:reset", limit)).toMatchObject({ remaining: 2, resetAfter: Duration.zero })
          expect(yield* call).toMatchObject({ allowed: true })
        })
      )

      it.effect(`fails when its key holds something else, and leaves it as it is (${algorithm})`, () =>
        Effect.gen(function* () {
          const client = yield* RedisClient
          const limiter = yield* RateLimiter.make
          const limit = limitOf(3)
          const key = limitScripts[limit.algorithm].keyOf("ratelimit:limit:other")
          yield* client.send("HSET", key, "field", "1")
          for (const operation of [
            limiter.consume("limit:other", limit),
            limiter.peek("limit:other", limit),
            limiter.refund("limit:other", limit)
          ]) {
            const error = yield* Effect.flip<unknown, { readonly _tag: string }, never>(operation)
            expect(error).toMatchObject({ _tag: "RedisServerError", code: "WRONGTYPE" })
          }
          expect(yield* client.send("HLEN", key)).toBe(1)
        })
      )
    }

    it.effect("ends a fixed window at the time that its first call set, however many calls follow", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const call = limiter.consume("limit:growing", fixed(2))
        yield* call
        yield* age("ratelimit:limit:growing", 40_000)
        expect(Duration.lessThanOrEqualTo((yield* call).resetAfter, "20 seconds")).toBe(true)
        const rejected = yield* call
        expect(rejected.allowed).toBe(false)
        expect(Duration.lessThanOrEqualTo(rejected.resetAfter, "20 seconds")).toBe(true)
        yield* age("ratelimit:limit:growing", 20_000)
        const elsewhere = yield* RateLimiter.make
        expect(yield* elsewhere.consume("limit:growing", fixed(2))).toMatchObject({
          allowed: true,
          remaining: 1,
          resetAfter: Duration.minutes(1)
        })
      })
    )

    for (const [algorithm, of] of Object.entries(algorithms)) {
      it.effect(
        `keeps nobody out for longer than the window that now holds when it was a longer one (${algorithm})`,
        () =>
          Effect.gen(function* () {
            const limiter = yield* RateLimiter.make
            const limitOf = (window: Duration.DurationInput) => of({ limit: 1, window, onUnavailable: "deny" })
            const call = limiter.consume("limit:shortened", limitOf("1 minute"))
            yield* limiter.consume("limit:shortened", limitOf("1 day"))
            const first = yield* call
            // the windows of a counter are those of the calendar: it has begun another one, or the same one
            const longest = algorithm === "SlidingCounter" ? 2 * minute : minute
            expect(Duration.toMillis(first.retryAfter)).toBeLessThanOrEqual(longest)
            expect(Duration.toMillis(first.resetAfter)).toBeLessThanOrEqual(longest)
            if (algorithm === "FixedWindow") {
              // the window started with the first call, and later calls do not restart it
              yield* age("ratelimit:limit:shortened", 59_000)
              expect(
                Duration.toMillis((yield* limiter.peek("limit:shortened", limitOf("1 minute"))).resetAfter)
              ).toBeLessThanOrEqual(1_000)
              yield* age("ratelimit:limit:shortened", 1_000)
              expect((yield* limiter.peek("limit:shortened", limitOf("1 minute"))).remaining).toBe(1)
            }
          })
      )

      it.effect(`asks for a wait of at most two windows when its window was shorter before (${algorithm})`, () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const limitOf = (window: Duration.DurationInput) => of({ limit: 1, window, onUnavailable: "deny" })
          yield* limiter.consume("limit:lengthened", limitOf("1 second"))
          const { resetAfter, retryAfter } = yield* limiter.consume("limit:lengthened", limitOf("1 minute"))
          expect(Duration.toMillis(retryAfter)).toBeLessThanOrEqual(2 * minute)
          expect(Duration.toMillis(resetAfter)).toBeLessThanOrEqual(2 * minute)
        })
      )

      it.effect(`returns exact whole numbers, whatever its key holds (${algorithm})`, () =>
        Effect.gen(function* () {
          const client = yield* RedisClient
          const scripts = limitScripts[algorithm as RateLimiter.RateLimit["algorithm"]]
          const key = scripts.keyOf("ratelimit:limit:tampered")
          const input = { key: "ratelimit:limit:tampered", cost: 3, limit: 7, windowMillis: minute, burst: 7 }
          for (const number of ["007", "4503599627370496", "9007199254740993", "9223372036854775807", "9".repeat(40)]) {
            const texts = [number, `${number}:1`, `1:${number}`, `${number}:1:1`, `1:${number}:1`, `1:1:${number}`]
            for (const text of texts) {
              yield* client.del(key)
              if (algorithm === "SlidingLog") yield* client.send("ZADD", key, number, text)
              else yield* client.send("SET", key, text, "PX", 3_600_000)
              for (const run of [client.run(scripts.peek), client.run(scripts.consume), client.run(scripts.refund)]) {
                for (const part of yield* run(input)) expect([text, Number.isSafeInteger(part)]).toEqual([text, true])
              }
            }
          }
        })
      )
    }

    it.effect("rejects and does not go negative when the limit was lowered within the window", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const key = "limit:lowered"
        yield* limiter.consume(key, fixed(10), { cost: 8 })
        expect(yield* limiter.consume(key, fixed(5))).toMatchObject({ allowed: false, remaining: 0 })
        expect(yield* limiter.peek(key, fixed(5))).toMatchObject({ limit: 5, remaining: 0 })
      })
    )

    it.effect("peeks at the running window without counting, and at the whole limit when none runs", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const key = "limit:peek"
        const whole = { limit: 3, remaining: 3, resetAfter: Duration.zero, decision: Decision.Redis() }
        expect(yield* limiter.peek(key, fixed(3))).toEqual(whole)
        yield* limiter.consume(key, fixed(3, "1 hour"))
        for (let i = 0; i < 3; i++) {
          const usage = yield* limiter.peek(key, fixed(3, "1 hour"))
          expect(usage.remaining).toBe(2)
          expect(Duration.between(usage.resetAfter, { minimum: "50 minutes", maximum: "1 hour" })).toBe(true)
        }
        yield* age(`ratelimit:${key}`, 60 * minute)
        expect(yield* limiter.peek(key, fixed(3))).toEqual(whole)
      })
    )

    it.effect("allows a caller again that a count without an expiry had blocked", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const limiter = yield* RateLimiter.make
        const key = "limit:immortal"
        yield* client.set(`ratelimit:${key}`, "99")
        expect(yield* limiter.peek(key, fixed(3))).toMatchObject({ remaining: 3 })
        expect(yield* limiter.consume(key, fixed(3))).toMatchObject({ allowed: true, remaining: 2 })
        expect(yield* client.ttl(`ratelimit:${key}`)).not.toEqual(Option.some(Duration.infinity))
      })
    )

    it.effect("accepts a window that is no whole number of milliseconds", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const result = yield* limiter.consume("limit:fraction", fixed(1, Duration.millis(60_000.25)))
        expect(result.resetAfter).toEqual(Duration.millis(60_001))
      })
    )

    it.effect("counts a key by each algorithm on its own", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        for (const of of Object.values(algorithms)) {
          const limit = of({ limit: 1, window: "1 minute", onUnavailable: "deny" })
          expect(yield* limiter.consume("limit:shared", limit)).toMatchObject({ allowed: true })
        }
      })
    )

    it.effect("accepts a bucket that is smaller or larger than its flow in a window", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        for (const burst of [2, 20]) {
          const limit = RateLimiter.tokenBucket({ limit: 10, window: "1 hour", burst, onUnavailable: "deny" })
          const calls = yield* Effect.replicateEffect(limiter.consume(`limit:burst:${burst}`, limit), 30)
          expect(calls.filter(({ allowed }) => allowed)).toHaveLength(burst)
          expect(calls[0]).toMatchObject({ limit: burst, remaining: burst - 1, resetAfter: Duration.minutes(6) })
        }
      })
    )

    it.effect("rejects a cost or a maxWait that cannot be right, and counts nothing", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const limiter = yield* RateLimiter.make
        const size = yield* client.send("DBSIZE")
        for (const cost of [0, -1, 1.5, NaN, Infinity]) {
          for (const operation of [limiter.consume, limiter.refund]) {
            expect(yield* Effect.flip(operation("limit:wrong", fixed(5), { cost }))).toMatchObject({
              _tag: "InvalidArgument",
              argument: "cost"
            })
          }
        }
        for (const maxWait of [-1, NaN]) {
          const waits = limiter.withLimit("limit:wrong", fixed(5), { onExceeded: "delay", maxWait })
          expect(yield* Effect.flip(waits(Effect.dieMessage("it ran")))).toMatchObject({
            _tag: "InvalidArgument",
            argument: "maxWait"
          })
        }
        expect(yield* client.send("DBSIZE")).toBe(size)
      })
    )
  })
})

const { fixedWindow, slidingCounter, slidingLog, tokenBucket } = RateLimiter
const valid = { limit: 1, window: "1 minute", onUnavailable: "deny" } as const

describe("a limit whose numbers are too large to be exact or to be kept", () => {
  it.each([
    ["window", () => slidingLog({ ...valid, window: "9999 weeks" })],
    ["limit", () => slidingCounter({ ...valid, limit: 2 ** 40 })],
    ["window", () => slidingCounter({ ...valid, window: "300 weeks" })],
    ["burst", () => tokenBucket({ ...valid, limit: 2 ** 27, burst: 2 ** 26 })],
    ["burst", () => tokenBucket({ ...valid, window: "1 week", burst: 1_000 })]
  ] as const)("is not made, and its %s is named: %s", (option, make) => {
    expect(make).toThrow(`option \`${option}\` is`)
  })

  it("is made up to those bounds", () => {
    expect(slidingCounter({ ...valid, window: "134217727 seconds" }).limit).toBe(1)
    expect(tokenBucket({ ...valid, limit: 2 ** 26, burst: 2 ** 26 - 1 }).burst).toBe(2 ** 26 - 1)
    expect(fixedWindow({ ...valid, limit: 0, window: 0.5 }).window).toEqual(Duration.millis(1))
  })
})

describe("the key of a limit", () => {
  it("is its action and its id", () => {
    expect(RateLimiter.key("daily_bonus", "user-1")).toEqual(Either.right("daily_bonus:user-1"))
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
        numRuns: runs(5_000),
        examples: [
          ["a:b", "c", "a", "b:c"],
          ["a%3Ab", "c", "a:b", "c"]
        ]
      }
    )
  })

  it("is rejected for an action or an id that cannot be part of a key", () => {
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
