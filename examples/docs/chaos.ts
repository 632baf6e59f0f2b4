import { Console, Effect, Layer, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"
import { Chaos } from "effect-cache-toolkit/testing"

class DatabaseDown extends Schema.TaggedError<DatabaseDown>()("DatabaseDown", {}) {}

const program = Effect.gen(function* () {
  const chaos = yield* Chaos.Chaos
  const prices = yield* TypedCache.make({
    name: "price",
    key: Schema.String,
    value: Schema.Number,
    timeToLive: "10 minutes",
    lookup: (id) => chaos.inject(Effect.succeed(id.length), () => new DatabaseDown())
  })
  const ids = Array.from({ length: 200 }, (_, i) => `lamp-${i}`)
  const read = Effect.forEach(ids, (id) => Effect.either(prices.get(id)), { concurrency: 20 })

  const duringFaults = yield* read
  const { commands, lookups } = yield* chaos.counts
  yield* Console.log(`${commands.failed} commands and ${lookups.failed} lookups failed, ${commands.slow} were slow`)
  const failed = duringFaults.filter(({ _tag }) => _tag === "Left").length
  yield* Console.log(`${failed} of ${ids.length} reads failed: only lookups can fail them`)

  yield* chaos.calm
  const after = yield* read
  if (failed !== lookups.failed || after.some(({ _tag }) => _tag === "Left")) {
    return yield* Effect.dieMessage("not as it should be")
  }
})

const faults = Chaos.layer({
  commands: { fail: 0.1, slow: { share: 0.1, by: "20 millis" } },
  lookups: { fail: 0.05 }
})
Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(Layer.provide(faults, MemoryRedis.layer()))))
