import { Console, Effect, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

const program = Effect.gen(function* () {
  const cities = yield* TypedCache.make({
    name: "city", // the key of "Gothenburg" is city:Gothenburg
    key: Schema.String,
    value: Schema.Struct({ name: Schema.String, founded: Schema.Int }),
    timeToLive: "10 minutes",
    lookup: (name) => Effect.succeed({ name, founded: 1624 }) // your database, with its own errors
  })
  const first = yield* cities.getResult("Gothenburg") // source: "Lookup"
  const second = yield* cities.getResult("Gothenburg") // source: "Redis"; "Degraded", looked up, while it is away
  yield* Console.log(first.source, second.source, second.value)
  yield* cities.invalidate("Gothenburg") // after a change: the next get looks up, in every process
})

// BunRedis.layer({ host: "localhost" }), from "effect-cache-toolkit/BunRedis", for a server
Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
