import { Console, Duration, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

const common = {
  name: "title",
  key: Schema.Int,
  value: Schema.String,
  timeToLive: "10 minutes",
  lookup: (id: number) => Effect.delay(Effect.succeed(`Article ${id}`), "100 millis")
} as const

const program = Effect.gen(function* () {
  const redisAlone = yield* TypedCache.make(common)
  const twoTiers = yield* TypedCache.make({
    ...common,
    local: { capacity: 10_000, timeToLive: "1 minute" } // at most 10,000 entries in the memory of this process
  })

  for (const cache of [redisAlone, twoTiers]) {
    const read = Effect.gen(function* () {
      for (let i = 0; i < 10_000; i++) yield* cache.get(7)
    })
    yield* read // fills both tiers
    const [time] = yield* Effect.timed(read)
    const { source } = yield* cache.getResult(7)
    yield* Console.log(`from ${source}: ${(Duration.toMillis(time) / 10).toFixed(2)} µs a read`)
  }
}).pipe(Effect.scoped)

Effect.runPromise(Effect.provide(program, SocketRedis.layerConfig({ embeddedWhenUnset: true })))
