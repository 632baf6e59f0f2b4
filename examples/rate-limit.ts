/** Three log-ins a minute for each user, counted in Redis for all processes together. */
import { Console, Duration, Effect, Layer } from "effect"
import { MemoryRedis, RateLimiter } from "effect-cache-toolkit"

const logIn = (user: string) =>
  Effect.gen(function* () {
    const limiter = yield* RateLimiter.RateLimiter
    const key = yield* RateLimiter.key("login", user)
    const { allowed, remaining, retryAfter } = yield* limiter.fixedWindow({ key, limit: 3, window: "1 minute" })
    yield* Console.log(
      allowed
        ? `${user} may try, ${remaining} left`
        : `${user} has to wait ${Math.ceil(Duration.toSeconds(retryAfter))} s`
    )
  }).pipe(
    // what to do without Redis is the application's choice, and the type asks for it: here nobody is locked out
    Effect.catchTag("RedisUnavailable", "RedisTimeout", "RedisConnectionLost", (error) =>
      Console.log(`${user} may try, not counted: ${error.message}`)
    )
  )

const program = Effect.forEach(["ada", "ada", "ada", "ada", "grace"], logIn, { discard: true })

Effect.runPromise(Effect.provide(program, Layer.provide(RateLimiter.layer, MemoryRedis.layer)))
