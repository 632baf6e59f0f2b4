import { Console, Duration, Effect, Layer, Schema } from "effect"
import { MemoryRedis, RuntimeSettings, TypedCache } from "effect-cache-toolkit"

const program = Effect.gen(function* () {
  const prices = yield* TypedCache.make({
    name: "price",
    key: Schema.String,
    value: Schema.Number,
    timeToLive: "10 minutes",
    jitter: 0,
    lookup: () => Effect.succeed(9.5)
  })
  const applied = (count: number) =>
    Effect.repeat(Effect.zipRight(Effect.sleep("5 millis"), RuntimeSettings.applied), {
      until: (settings) => settings.length === count
    })
  yield* prices.get("lamp")

  // an operator, in any process: for an hour, then the option of the cache holds again
  yield* RuntimeSettings.set("price", { timeToLive: "1 minute" }, { by: "ada", for: "1 hour" })
  yield* applied(1)
  const { timeLeft } = yield* prices.getResult("desk")
  yield* Console.log(
    `a new value is fresh for ${Duration.format(Duration.seconds(Math.round(Duration.toSeconds(timeLeft))))}`
  )

  // the cache is suspected: every read goes to the lookup
  yield* RuntimeSettings.set("price", { enabled: false }, { by: "ada" })
  yield* applied(2)
  const { reason, source } = yield* prices.getResult("lamp")
  yield* Console.log(`${source}: ${reason}`)

  // as built, and without what was stored before
  yield* RuntimeSettings.unset("price", { by: "ada" })
  yield* applied(0)
  const again = yield* prices.getResult("lamp")
  yield* Console.log(again.source)
  if (reason !== "SwitchedOff" || again.source !== "Lookup") return yield* Effect.dieMessage("not as it should be")
})

// each process logs each change: the operator, the option, both values and the end
Effect.runPromise(
  program.pipe(Effect.scoped, Effect.provide(RuntimeSettings.layer.pipe(Layer.provideMerge(MemoryRedis.layer()))))
)
