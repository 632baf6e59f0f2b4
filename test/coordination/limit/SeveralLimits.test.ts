/** Several limits in one step: all of them allow a call, or nothing is taken. */
import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { onEveryLayer } from "../../support/server/clientLayers.js"

const constructors = {
  FixedWindow: RateLimiter.fixedWindow,
  SlidingLog: RateLimiter.slidingLog,
  SlidingCounter: RateLimiter.slidingCounter,
  TokenBucket: RateLimiter.tokenBucket
}
const algorithms = Object.entries(constructors)

/** A limit of ten in an hour and one of two, which are counted apart. */
const tenAndTwo = (ten: typeof RateLimiter.fixedWindow, two: typeof RateLimiter.fixedWindow) =>
  [
    ten({ name: "ten", limit: 10, window: "1 hour", onUnavailable: "deny" }),
    two({ name: "two", limit: 2, window: "1 hour", onUnavailable: "deny" })
  ] as const

const under = (key: string, ...limits: readonly [RateLimiter.RateLimit, ...ReadonlyArray<RateLimiter.RateLimit>]) => {
  const [first, ...others] = limits
  return [{ key, limit: first }, ...others.map((limit) => ({ key, limit }))] as const
}

describe("a call under several limits", () => {
  onEveryLayer((it) => {
    for (const [first, ten] of algorithms) {
      for (const [second, two] of algorithms) {
        it.effect(`takes from ${first} and ${second}, and from none of them when one rejects it`, () =>
          Effect.gen(function* () {
            const limiter = yield* RateLimiter.make
            const key = `several:${first}:${second}`
            const [large, small] = tenAndTwo(ten, two)
            const call = limiter.consumeAll(under(key, large, small))
            const allowed = yield* call
            expect(allowed.each).toMatchObject([
              { allowed: true, limit: 10, remaining: 9 },
              { allowed: true, limit: 2, remaining: 1, retryAfter: Duration.zero }
            ])
            expect(allowed).toMatchObject({ allowed: true, tightest: 1, limit: 2, remaining: 1 })
            yield* call
            const rejected = yield* call
            expect(rejected).toMatchObject({ allowed: false, tightest: 1, limit: 2, remaining: 0 })
            expect(Duration.greaterThan(rejected.retryAfter, 0)).toBe(true)
            expect(rejected.each[0]).toMatchObject({ allowed: true, remaining: 8, retryAfter: Duration.zero })
            // nor does a limit that comes first know of a call that a later one rejects
            const turned = yield* limiter.consumeAll(under(key, small, large))
            expect(turned).toMatchObject({ allowed: false, tightest: 0 })
            expect((yield* limiter.peek(key, large)).remaining).toBe(8)
          })
        )
      }
    }

    it.effect("is allowed as often as the smallest limit says, and charged as often, with many calls at once", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const [large] = tenAndTwo(RateLimiter.slidingLog, RateLimiter.slidingLog)
        const seven = RateLimiter.tokenBucket({ limit: 7, window: "1 hour", onUnavailable: "deny" })
        const calls = limiter.consumeAll(under("several:many", large, seven))
        const results = yield* Effect.replicateEffect(calls, 100, { concurrency: "unbounded" })
        expect(results.filter(({ allowed }) => allowed).length).toBe(7)
        expect((yield* limiter.peek("several:many", large)).remaining).toBe(3)
      })
    )

    it.effect("may be under limits of different keys, each with its cost", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const limit = RateLimiter.fixedWindow({ limit: 5, window: "1 hour", onUnavailable: "deny" })
        const call = (cost: number) =>
          limiter.consumeAll([
            { key: "several:user", limit, cost },
            { key: "several:everyone", limit: { ...limit, burst: 9, limit: 9 }, cost: 2 * cost }
          ])
        expect((yield* call(2)).each.map(({ remaining }) => remaining)).toEqual([3, 5])
        // the second has five left, so that nothing is taken from the first
        const rejected = yield* call(3)
        expect([rejected.allowed, rejected.tightest]).toEqual([false, 1])
        expect(rejected.each[0]).toMatchObject({ allowed: true, remaining: 3 })
        expect((yield* limiter.peek("several:user", limit)).remaining).toBe(3)
        expect(yield* call(10)).toMatchObject({ allowed: false, retryAfter: Duration.infinity })
      })
    )

    it.effect("is an error where two limits are counted as one, and where there is none", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const limit = RateLimiter.fixedWindow({ limit: 5, window: "1 hour", onUnavailable: "deny" })
        const twice = yield* Effect.flip(limiter.consumeAll(under("several:twice", limit, { ...limit, limit: 3 })))
        expect(twice).toMatchObject({ _tag: "InvalidArgument", argument: "limits" })
        expect(twice.message).toContain("option `name`")
        const named = (name: string) =>
          RateLimiter.fixedWindow({ name, limit: 5, window: "1 hour", onUnavailable: "deny" })
        const many = Array.from({ length: 17 }, (_, i) => named(`${i}`))
        expect(yield* Effect.flip(limiter.consumeAll(under("several:most", limit, ...many)))).toMatchObject({
          argument: "limits"
        })
        // @ts-expect-error there is at least one limit
        expect(yield* Effect.flip(limiter.consumeAll([]))).toMatchObject({ argument: "limits" })
        expect(() => named("a{b")).toThrow("`name`")
      })
    )

    it.effect("fails and takes nothing where one of the keys holds something else", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const client = yield* RedisClient
        const limit = RateLimiter.tokenBucket({ limit: 5, window: "1 hour", onUnavailable: "allow" })
        const log = RateLimiter.slidingLog({ limit: 5, window: "1 hour", onUnavailable: "allow" })
        yield* client.set("{ratelimit:several:text}:log", "text")
        expect(yield* Effect.flip(limiter.consumeAll(under("several:text", limit, log)))).toMatchObject({
          _tag: "RedisServerError",
          code: "WRONGTYPE"
        })
        expect((yield* limiter.peek("several:text", limit)).remaining).toBe(5)
      })
    )
  })
})
