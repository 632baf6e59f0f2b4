import { Console, Duration, Effect, Layer } from "effect"
import { RateLimiter } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

const attempts = RateLimiter.fixedWindow({
  limit: 5, // points
  window: "1 minute", // duration
  onUnavailable: { local: { processes: 5 } } // the insurance limiter: this process allows a fifth of it
})

const logIn = (user: string) =>
  Effect.gen(function* () {
    const limiter = yield* RateLimiter.RateLimiter
    const key = yield* RateLimiter.key("login", user)
    const { allowed, remaining, retryAfter } = yield* limiter.consume(key, attempts)
    if (allowed) return `${remaining} left`
    // blockDuration: a user who has used up the window is blocked for longer than the window
    if (Duration.greaterThan(retryAfter, "1 minute")) return `wait ${Math.ceil(Duration.toSeconds(retryAfter))} s`
    yield* limiter.block(key, attempts, "5 minutes")
    return "wait 300 s"
  })

const program = Effect.gen(function* () {
  const limiter = yield* RateLimiter.RateLimiter
  const key = yield* RateLimiter.key("login", "ada")
  yield* limiter.reset(key, attempts)
  for (let i = 0; i < 6; i++) yield* Effect.flatMap(logIn("ada"), Console.log)
  yield* limiter.reset(key, attempts)
})

const redis = SocketRedis.layerConfig({ embeddedWhenUnset: true })
Effect.runPromise(Effect.provide(program, Layer.provide(RateLimiter.layer, redis)))
