import { Console, Effect } from "effect"
import { MemoryRedis, RateLimiter } from "effect-cache-toolkit"

// one a second and ten a day for each user, and a thousand a day for all of them; names keep limits of one algorithm apart
const second = RateLimiter.tokenBucket({ name: "second", limit: 1, window: "1 second", onUnavailable: "deny" })
const day = RateLimiter.tokenBucket({ name: "day", limit: 10, window: "1 day", onUnavailable: "deny" })
const everyone = RateLimiter.fixedWindow({ limit: 1_000, window: "1 day", onUnavailable: "allow" })

const program = Effect.gen(function* () {
  const limiter = yield* RateLimiter.make
  const call = limiter.consumeAll([
    { key: "user:ada", limit: second },
    { key: "user:ada", limit: day },
    { key: "everyone", limit: everyone }
  ])
  const [first] = yield* Effect.replicateEffect(call, 10)
  yield* Console.log(
    `the first: ${first?.allowed}, ${first?.remaining} of ${first?.limit} left of limit ${first?.tightest}`
  )

  // what the limit of a second has rejected is not charged to the day
  const { remaining } = yield* limiter.peek("user:ada", day)
  yield* Console.log(`${10 - remaining} of ten calls is charged to the day`)
  if (remaining !== 9) return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
