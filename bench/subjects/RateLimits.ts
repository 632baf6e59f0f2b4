/**
 * One call against a limit by the toolkit's rate limiter: a fixed window, which every peer has too.
 */
import * as Effect from "effect/Effect"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { toolkitClient } from "../run/BenchServer.js"

export const make = (url: string, options: { readonly limit: number; readonly windowSeconds: number }) =>
  Effect.gen(function* () {
    const client = yield* toolkitClient(url)
    const limiter = yield* Effect.provideService(RateLimiter.make, RedisClient, client)
    const window = RateLimiter.fixedWindow({
      limit: options.limit,
      window: `${options.windowSeconds} seconds`,
      onUnavailable: "deny"
    })
    /** how much is left */
    return (key: string): Effect.Effect<number> =>
      limiter.consume(key, window).pipe(
        Effect.map(({ remaining }) => remaining),
        Effect.orDie
      )
  })
