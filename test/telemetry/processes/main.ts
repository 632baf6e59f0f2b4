/**
 * A process whose lookups take known times, by a clock that they set forward: `main.ts <seed>`. Writes one line of JSON: the
 * times in seconds, and the text for Prometheus.
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as MemoryRedis from "../../../src/redis/memory/MemoryRedis.js"
import * as Prometheus from "../../../src/telemetry/Prometheus.js"

const [, , seed = ""] = process.argv
const real = Clock.make()
let nanos = 0n

const clock: Clock.Clock = {
  ...real,
  unsafeCurrentTimeNanos: () => nanos,
  currentTimeNanos: Effect.sync(() => nanos)
}

const program = Effect.gen(function* () {
  const text = yield* Prometheus.make()
  const seconds: Array<number> = []
  const cache = yield* TypedCache.make({
    name: "timed",
    key: Schema.Number,
    value: Schema.Number,
    timeToLive: "1 minute",
    lookup: (id) =>
      Effect.map(Random.next, (random) => {
        // from a tenth of a millisecond to ten seconds, as many in each tenfold
        const took = 10 ** (random * 5 - 4)
        seconds.push(took)
        nanos += BigInt(Math.round(took * 1e9))
        return id
      })
  })
  yield* Effect.forEach(Array.from({ length: 300 }).keys(), (id) => cache.get(id))
  yield* Console.log(JSON.stringify({ seconds, text: yield* text }))
})

await Effect.runPromise(
  program.pipe(
    Effect.withRandom(Random.make(seed)),
    Effect.withClock(clock),
    Effect.provide(MemoryRedis.layer()),
    Effect.scoped
  )
)
