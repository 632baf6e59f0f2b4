/** Penalties, blocks, and limits whose numbers change while they run. */
import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import { onEveryLayer } from "../../support/server/clientLayers.js"
import { until } from "../../support/until.js"

const algorithms = {
  FixedWindow: RateLimiter.fixedWindow,
  SlidingLog: RateLimiter.slidingLog,
  SlidingCounter: RateLimiter.slidingCounter,
  TokenBucket: RateLimiter.tokenBucket
}

// one suite, and so one cluster, for all of them
onEveryLayer((it) => {
  for (const [algorithm, of] of Object.entries(algorithms)) {
    const limitOf = (limit: number, window: Duration.DurationInput = "1 hour") =>
      of({ limit, window, onUnavailable: "deny" })

    describe(`a penalty (${algorithm})`, () => {
      it.effect("takes more than is left, in all processes at once, and a refund gives it back", () =>
        Effect.gen(function* () {
          const [one, other] = [yield* RateLimiter.make, yield* RateLimiter.make]
          const [key, limit] = [`penalty:${algorithm}`, limitOf(5)]
          yield* one.consume(key, limit)
          expect(yield* one.penalize(key, limit, { cost: 2 })).toMatchObject({ limit: 5, remaining: 2 })
          expect(yield* one.penalize(key, limit, { cost: 4 })).toMatchObject({ remaining: 0 })
          const rejected = yield* other.consume(key, limit)
          expect(rejected).toMatchObject({ allowed: false, remaining: 0 })
          expect(Duration.between(rejected.retryAfter, { minimum: "1 millis", maximum: "2 hours" })).toBe(true)
          expect((yield* one.refund(key, limit, { cost: 7 })).remaining).toBe(5)
          expect((yield* one.penalize(key, limit, { cost: 1_000_000 })).remaining).toBe(0)
          expect(yield* Effect.flip(one.penalize(key, limit, { cost: 0 }))).toMatchObject({ _tag: "InvalidArgument" })
        })
      )
    })

    describe(`a block (${algorithm})`, () => {
      it.effect("rejects every call in all processes at once, also under several limits, until it is over", () =>
        Effect.gen(function* () {
          const [one, other] = [yield* RateLimiter.make, yield* RateLimiter.make]
          const [key, limit] = [`block:${algorithm}`, limitOf(5)]
          const second = of({ name: "second", limit: 5, window: "1 hour", onUnavailable: "deny" })
          expect((yield* other.consume(key, limit)).allowed).toBe(true)
          yield* one.block(key, limit, "10 minutes")
          const blocked = yield* other.consume(key, limit)
          expect(blocked).toMatchObject({ allowed: false, remaining: 0, decision: { _tag: "Redis" } })
          expect(Duration.between(blocked.retryAfter, { minimum: "9 minutes", maximum: "10 minutes" })).toBe(true)
          expect((yield* one.peek(key, limit)).remaining).toBe(0)
          expect((yield* one.refund(key, limit)).remaining).toBe(0)
          expect((yield* one.penalize(key, limit)).remaining).toBe(0)
          const several = yield* one.consumeAll([
            { key, limit: second },
            { key, limit }
          ])
          expect(several).toMatchObject({ allowed: false, tightest: 1 })
          expect((yield* one.peek(key, second)).remaining).toBe(5)
          // a second block replaces the first, and the limit starts anew when it is over
          yield* one.block(key, limit, 20)
          yield* until("the block is over", () => Effect.map(one.peek(key, limit), ({ remaining }) => remaining === 5))
        })
      )

      it.effect("is ended by reset", () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const [key, limit] = [`unblock:${algorithm}`, limitOf(5)]
          yield* limiter.block(key, limit, "10 minutes")
          expect((yield* limiter.consume(key, limit)).allowed).toBe(false)
          yield* limiter.reset(key, limit)
          expect(yield* limiter.consume(key, limit)).toMatchObject({ allowed: true, remaining: 4 })
          expect(yield* Effect.flip(limiter.block(key, limit, 0))).toMatchObject({ argument: "duration" })
        })
      )
    })

    describe(`a limit that changes while it runs (${algorithm})`, () => {
      it.effect("is raised and lowered at the next call", () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const key = `changes:${algorithm}`
          for (const allowed of [true, true, false]) {
            expect((yield* limiter.consume(key, limitOf(2))).allowed).toBe(allowed)
          }
          expect((yield* limiter.consume(key, limitOf(10))).allowed).toBe(true)
          expect((yield* limiter.consume(key, limitOf(1))).allowed).toBe(false)
          expect((yield* limiter.consume(key, limitOf(2))).allowed).toBe(false)
          expect((yield* limiter.consume(key, limitOf(1_000))).allowed).toBe(true)
        })
      )

      it.effect("lets in after the new window at the latest when that is shorter", () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const key = `shorter:${algorithm}`
          yield* limiter.consume(key, limitOf(3, "1 hour"), { cost: 3 })
          const first = yield* limiter.consume(key, limitOf(3, "2 seconds"), { cost: 3 })
          expect(Duration.lessThanOrEqualTo(first.retryAfter, "2 seconds")).toBe(true)
          yield* until("it lets in", () =>
            Effect.map(limiter.consume(key, limitOf(3, 20), { cost: 3 }), ({ allowed }) => allowed)
          )
        })
      )

      it.effect("counts what it has counted when its window becomes longer, for two of them at most", () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const key = `longer:${algorithm}`
          yield* limiter.consume(key, limitOf(3, "1 minute"), { cost: 3 })
          const rejected = yield* limiter.consume(key, limitOf(3, "1 hour"), { cost: 3 })
          expect(Duration.lessThanOrEqualTo(rejected.retryAfter, "2 hours")).toBe(true)
          expect(rejected).toMatchObject({ allowed: false, remaining: 0 })
          expect((yield* limiter.consume(key, limitOf(4, "1 hour"))).allowed).toBe(true)
        })
      )
    })
  }
})
