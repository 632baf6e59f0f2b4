/** Three log-ins a minute for each user, counted in Redis for all processes together. */
import { Console, Duration, Effect, Layer } from "effect"
import { MemoryRedis, RateLimiter } from "effect-cache-toolkit"

// what to do without Redis is the application's choice, and has to be made: here nobody is locked out
const logins = RateLimiter.slidingLog({ limit: 3, window: "1 minute", onUnavailable: "allow" })

const logIn = (user: string) =>
  Effect.gen(function* () {
    const limiter = yield* RateLimiter.RateLimiter
    const key = yield* RateLimiter.key("login", user)
    const { allowed, decision, remaining, retryAfter } = yield* limiter.consume(key, logins)
    const counted = decision._tag === "Outage" ? `, not counted: ${decision.error.message}` : ""
    yield* Console.log(
      allowed
        ? `${user} may try, ${remaining} left${counted}`
        : `${user} has to wait ${Math.ceil(Duration.toSeconds(retryAfter))} s`
    )
  })

const program = Effect.forEach(["ada", "ada", "ada", "ada", "grace"], logIn, { discard: true })

Effect.runPromise(Effect.provide(program, Layer.provide(RateLimiter.layer, MemoryRedis.layer())))
