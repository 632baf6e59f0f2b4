/** Limits whose numbers change, as time passes. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"

const algorithms = {
  FixedWindow: RateLimiter.fixedWindow,
  SlidingLog: RateLimiter.slidingLog,
  SlidingCounter: RateLimiter.slidingCounter,
  TokenBucket: RateLimiter.tokenBucket
}

describe("a limit whose window has become longer", () => {
  for (const [algorithm, of] of Object.entries(algorithms)) {
    it.scoped(`forgets what the shorter one has counted, though calls continue (${algorithm})`, () =>
      Effect.gen(function* () {
        // windows are numbered from 1970
        yield* TestClock.setTime(1_800_000_000_000)
        const context = yield* Layer.build(MemoryRedis.layer())
        const limiter = yield* Effect.provide(RateLimiter.make, context)
        const limitOf = (window: "1 minute" | "1 hour") => of({ limit: 5, window, onUnavailable: "deny" })
        yield* limiter.consume("key", limitOf("1 minute"), { cost: 4 })
        // far below five an hour
        for (let call = 0; call < 6; call++) {
          expect((yield* limiter.consume("key", limitOf("1 hour"))).allowed).toBe(true)
          yield* TestClock.adjust("100 minutes")
        }
      })
    )

    it.scoped(`lets in after the new window when it has become shorter, also under several limits (${algorithm})`, () =>
      Effect.gen(function* () {
        // windows are numbered from 1970
        yield* TestClock.setTime(1_800_000_000_000)
        const context = yield* Layer.build(MemoryRedis.layer())
        const limiter = yield* Effect.provide(RateLimiter.make, context)
        const limitOf = (window: "1 minute" | "1 day") => of({ limit: 5, window, onUnavailable: "deny" })
        const other = of({ name: "other", limit: 100, window: "1 minute", onUnavailable: "deny" })
        yield* limiter.consume("key", limitOf("1 day"), { cost: 5 })
        const call = limiter.consumeAll([
          { key: "key", limit: limitOf("1 minute"), cost: 5 },
          { key: "key", limit: other }
        ])
        const first = yield* call
        yield* TestClock.adjust("1 minute")
        expect([first.allowed, (yield* call).allowed]).toContain(true)
      })
    )
  }
})
