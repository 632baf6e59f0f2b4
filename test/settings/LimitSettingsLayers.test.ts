/** Numbers of limits that are set at run time, by every operation and algorithm, on each kind of server. */
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import * as RuntimeSettings from "../../src/settings/RuntimeSettings.js"
import { onEveryLayer } from "../support/server/clientLayers.js"
import { until } from "../support/until.js"

const algorithms = {
  FixedWindow: RateLimiter.fixedWindow,
  SlidingLog: RateLimiter.slidingLog,
  SlidingCounter: RateLimiter.slidingCounter,
  TokenBucket: RateLimiter.tokenBucket
}

const by = "ada"
const window = "1 hour"
const onUnavailable = "deny"

// one suite, and so one cluster, for all of them
onEveryLayer((it) => {
  describe("a limit that is set at run time", () => {
    for (const [algorithm, of] of Object.entries(algorithms)) {
      it.scoped(`decides every operation by its numbers (${algorithm})`, () =>
        Effect.gen(function* () {
          const limiter = yield* RateLimiter.make
          const [name, key] = [`set:${algorithm}`, `key:${algorithm}`]
          const limit = of({ name, limit: 2, window, onUnavailable })
          const other = of({ name: `other:${algorithm}`, limit: 100, window, onUnavailable })
          const both = [
            { key, limit: other },
            { key, limit }
          ] as const
          const isNow = (most: number) =>
            until(`the limit is ${most}`, () => Effect.map(limiter.applied(limit), (now) => now.limit === most))
          const failed = { onExceeded: "fail" } as const

          yield* limiter.consume(key, limit, { cost: 2 })
          expect(yield* limiter.consume(key, limit)).toMatchObject({ allowed: false, limit: 2 })
          expect(yield* limiter.consumeAll(both)).toMatchObject({ allowed: false, tightest: 1, limit: 2 })
          yield* RuntimeSettings.setLimit(name, { limit: 5 }, { by })
          yield* isNow(5)
          expect(yield* limiter.peek(key, limit)).toMatchObject({ limit: 5, remaining: 3 })
          expect(yield* limiter.consume(key, limit)).toMatchObject({ allowed: true, limit: 5, remaining: 2 })
          expect(yield* limiter.consumeAll(both)).toMatchObject({ allowed: true, tightest: 1, limit: 5, remaining: 1 })
          expect(yield* limiter.refund(key, limit)).toMatchObject({ limit: 5, remaining: 2 })
          expect(yield* limiter.penalize(key, limit)).toMatchObject({ limit: 5, remaining: 1 })
          yield* limiter.withLimit(key, limit, failed)(Effect.void)

          yield* RuntimeSettings.setLimit(name, { limit: 3 }, { by })
          yield* isNow(3)
          expect(yield* Effect.flip(limiter.withLimit(key, limit, failed)(Effect.void))).toMatchObject({ limit: 3 })
          expect(yield* Effect.flip(limiter.withLimits(both, failed)(Effect.void))).toMatchObject({ limit: 3, key })
          yield* limiter.reset(key, limit)
          expect(yield* limiter.peek(key, limit)).toMatchObject({ limit: 3, remaining: 3 })
          yield* RuntimeSettings.unsetLimit(name, { by })
          yield* isNow(2)
          expect(yield* limiter.consume(key, limit)).toMatchObject({ allowed: true, limit: 2, remaining: 1 })
        }).pipe(Effect.provide(RuntimeSettings.layer))
      )
    }

    it.scoped("changes its window, and the burst of a bucket", () =>
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const limit = RateLimiter.tokenBucket({ name: "set", limit: 10, window, onUnavailable })
        yield* limiter.consume("window", limit, { cost: 10 })
        yield* RuntimeSettings.setLimit("set", { window: 10, burst: 4 }, { by, for: "1 hour" })
        yield* until("it lets in", () =>
          Effect.map(limiter.consume("window", limit), ({ allowed, limit }) => allowed && limit === 4)
        )
        expect(yield* limiter.consume("window", limit, { cost: 5 })).toMatchObject({ allowed: false, limit: 4 })
        const settings = yield* RuntimeSettings.list
        const own = settings.flatMap((setting) => ("limit" in setting && setting.limit === "set" ? [setting] : []))
        expect(own.map(({ option, value }) => [option, value]).sort()).toEqual([
          ["burst", 4],
          ["window", 10]
        ])
        yield* RuntimeSettings.unsetLimit("set", { by, options: ["burst"] })
        yield* until("the burst is that of its constructor", () =>
          Effect.map(limiter.applied(limit), ({ burst, limit }) => burst === 10 && limit === 10)
        )
        yield* RuntimeSettings.unsetLimit("set", { by })
      }).pipe(Effect.provide(RuntimeSettings.layer))
    )
  })
})
