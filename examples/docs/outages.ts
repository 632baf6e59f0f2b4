import { Console, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import { TestRedis } from "effect-cache-toolkit/testing"

class DatabaseDown extends Schema.TaggedError<DatabaseDown>()("DatabaseDown", {}) {}

const program = Effect.gen(function* () {
  const redis = yield* TestRedis.TestRedis
  let isDatabaseUp = true
  const prices = yield* TypedCache.make({
    name: "price",
    key: Schema.String,
    value: Schema.Number,
    timeToLive: "10 minutes",
    local: { capacity: 10_000, timeToLive: "50 millis", keepStale: "1 hour" },
    lookup: () => Effect.suspend(() => (isDatabaseUp ? Effect.succeed(9.5) : Effect.fail(new DatabaseDown())))
  })
  yield* prices.get("lamp")
  yield* prices.get("lamp") // now the local tier has it

  yield* redis.cut
  isDatabaseUp = false
  yield* Effect.sleep("100 millis") // past its time in the local tier
  const { lookupReason, reason, source, value } = yield* prices.getResult("lamp")
  yield* Console.log(`${value} is ${source}: ${reason}, ${lookupReason}`)

  const stored = yield* prices.set("lamp", 8.5)
  const price = yield* prices.get("lamp")
  yield* Console.log(`a set during the outage: stored ${stored}, and read by this process as ${price}`)

  isDatabaseUp = true
  yield* redis.restore
  const after = yield* prices.get("lamp")
  yield* Console.log(`after the outage: ${after}, as the database says`)
  if (source !== "Stale" || price !== 8.5 || after !== 9.5) return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(Effect.scoped(program), TestRedis.layer))
