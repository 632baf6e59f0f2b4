import { Console, Duration, Effect } from "effect"
import { MemoryRedis, RateLimiter } from "effect-cache-toolkit"

// five attempts in any minute, counted for all processes; without Redis nobody logs in
const attempts = RateLimiter.slidingLog({ limit: 5, window: "1 minute", onUnavailable: "deny" })
// 100 mails a second at most, 20 of them at once; without Redis each of four processes sends a quarter of it
const mails = RateLimiter.tokenBucket({
  limit: 100,
  window: "1 second",
  burst: 20,
  onUnavailable: { local: { processes: 4 } }
})

const program = Effect.gen(function* () {
  const limiter = yield* RateLimiter.make
  const key = yield* RateLimiter.key("login", "ada")

  const results = yield* Effect.replicateEffect(limiter.consume(key, attempts), 6)
  for (const { allowed, limit, remaining } of results) yield* Console.log(allowed, `${remaining} of ${limit} left`)
  const { retryAfter } = yield* limiter.consume(key, attempts)
  yield* Console.log(`the next attempt in ${Math.ceil(Duration.toSeconds(retryAfter))} s`)

  // the password was right: that attempt does not count
  const { remaining } = yield* limiter.refund(key, attempts)
  yield* Console.log(`${remaining} left after the refund`)

  let sent = 0
  const send = Effect.sync(() => {
    sent += 1
  })
  const patiently = limiter.withLimit("mails", mails, { onExceeded: "delay", maxWait: "10 seconds" })
  yield* Effect.replicateEffect(patiently(send), 30, { concurrency: "unbounded" })
  yield* Console.log(`${sent} mails sent`)
  if (results.filter(({ allowed }) => allowed).length !== 5 || remaining !== 1 || sent !== 30) {
    return yield* Effect.dieMessage("not as it should be")
  }
})

Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
