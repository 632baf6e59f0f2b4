import { Console, Duration, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import { TestCache } from "effect-cache-toolkit/testing"

class DatabaseDown extends Schema.TaggedError<DatabaseDown>()("DatabaseDown", {}) {}

class Prices extends TypedCache.Tag("app/Prices")<Prices, DatabaseDown>()({
  name: "price",
  key: Schema.String,
  value: Schema.Number,
  timeToLive: "10 minutes",
  staleFor: "1 hour",
  local: { capacity: 1_000, keepStale: "1 hour" }
}) {}

const program = Effect.gen(function* () {
  const prices = yield* Prices
  const test = yield* TestCache.of(Prices)
  const sources: Array<string> = []
  const show = (when: string) =>
    Effect.gen(function* () {
      const { age, lookupReason, reason, source, timeLeft, value } = yield* prices.getResult("lamp")
      const why = [reason, lookupReason].filter((word) => word !== undefined).join(", ")
      const times = `${Duration.toSeconds(age).toFixed(0)} s old, ${Duration.toSeconds(timeLeft).toFixed(0)} s left`
      sources.push(source)
      yield* Console.log(`${when}: ${value} ${source}${why === "" ? "" : ` (${why})`}, ${times}`)
    })

  yield* test.change("lamp", 10)
  yield* show("nothing is stored")
  yield* prices.getResult("lamp", { local: false }) // reads Redis, and fills the local tier
  yield* show("the local tier has it")
  yield* test.goStale("lamp")
  yield* show("it is past its time")
  yield* test.miss("lamp")
  yield* test.loseRedis
  yield* show("Redis is away")
  if (sources.join() !== "Lookup,Local,Stale,Degraded") return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(program, TestCache.layer(Prices)))
