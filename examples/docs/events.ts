import { Console, Effect, Fiber, Schema, Stream } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

const program = Effect.gen(function* () {
  const cities = yield* TypedCache.make({
    name: "city",
    key: Schema.String,
    value: Schema.String,
    timeToLive: "10 minutes",
    lookup: (id) => Effect.succeed(id.toUpperCase())
  })
  const watching = yield* cities.events.pipe(
    Stream.take(4),
    Stream.runForEach((event) => Console.log(event._tag)),
    Effect.fork
  )
  yield* Effect.sleep("10 millis") // events begin when the stream runs
  yield* cities.get("gothenburg") // Miss, Lookup
  yield* cities.get("gothenburg") // Hit
  yield* cities.invalidate("gothenburg") // Invalidation
  yield* Fiber.join(watching)

  const { hitsRedis, lookupLatency, misses } = yield* cities.stats
  yield* Console.log(`${hitsRedis} hit, ${misses} miss, ${lookupLatency.count} lookup`)
})

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
