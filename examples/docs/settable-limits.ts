import { Console, Effect, Layer } from "effect"
import { MemoryRedis, RateLimiter, RuntimeSettings } from "effect-cache-toolkit"

// the name is how an operator reaches the limit
const mails = RateLimiter.fixedWindow({ name: "mails", limit: 100, window: "1 minute", onUnavailable: "deny" })

const program = Effect.gen(function* () {
  const limiter = yield* RateLimiter.make
  const send = limiter.consume("everyone", mails)
  const isNow = (limit: number) =>
    Effect.repeat(Effect.zipRight(Effect.sleep("5 millis"), limiter.applied(mails)), {
      until: (applied) => applied.limit === limit
    })
  yield* send

  // the mail server is slow: an operator, in any process, lowers the limit for an hour
  yield* RuntimeSettings.setLimit("mails", { limit: 2 }, { by: "ada", for: "1 hour" })
  yield* isNow(2)
  const [second, third] = [yield* send, yield* send]
  yield* Console.log(`of ${second.limit} mails the second is ${second.allowed ? "sent" : "held back"}`)
  yield* Console.log(`the third is ${third.allowed ? "sent" : "held back"}`)

  // as built, with what was counted
  yield* RuntimeSettings.unsetLimit("mails", { by: "ada" })
  yield* isNow(100)
  const { remaining } = yield* send
  yield* Console.log(`${remaining} left`)
  if (!second.allowed || third.allowed || remaining !== 97) return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(program.pipe(Effect.provide(RuntimeSettings.layer.pipe(Layer.provideMerge(MemoryRedis.layer())))))
