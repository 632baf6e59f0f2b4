import { Console, Effect, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"
import { Prometheus } from "effect-cache-toolkit/telemetry"

const program = Effect.gen(function* () {
  // a program with a router uses Prometheus.layer(), which answers GET /metrics
  const text = yield* Prometheus.make({ serviceName: "atlas" })
  const cities = yield* TypedCache.make({
    name: "city",
    key: Schema.String,
    value: Schema.String,
    timeToLive: "10 minutes",
    lookup: (id) => Effect.succeed(id.toUpperCase())
  })
  yield* cities.get("gothenburg")
  yield* cities.get("gothenburg")
  const lines = (yield* text).split("\n")
  yield* Console.log(lines.filter((line) => line.startsWith("cache_gets_total")).join("\n"))
})

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
