import { Console, Effect, Option, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

const program = Effect.gen(function* () {
  const source = { price: 100, version: "v1" }
  let transfers = 0
  const prices = yield* TypedCache.make({
    name: "price",
    key: Schema.String,
    value: Schema.Number,
    timeToLive: "1 minute",
    staleFor: "1 hour", // served while it is refreshed, and while refreshing fails
    refresh: {
      ahead: { after: 0.8 }, // a value read in the last fifth of its minute is refreshed in the background
      softTimeout: "200 millis", // how long a caller waits for the refresh of a stale value
      hardTimeout: "5 seconds" // LookupTimeout, in the type
    },
    lookup: (_article, previous) =>
      Effect.sync(() => {
        const known = Option.getOrUndefined(previous)?.versionTag
        if (known === source.version) return TypedCache.notModified
        transfers++
        return TypedCache.versioned(source.price, source.version)
      })
  })
  yield* prices.get("lamp")
  yield* prices.refresh("lamp") // the source answers notModified: fresh for another minute
  Object.assign(source, { price: 120, version: "v2" })
  const price = yield* prices.get("lamp", { maxAge: 0 }) // this call wants the price of now
  yield* Console.log(`${price} after ${transfers} transfers`)
  if (price !== 120 || transfers !== 2) return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
