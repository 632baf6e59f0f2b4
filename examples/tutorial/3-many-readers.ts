import { Console, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

let queries = 0
const findTitle = (id: number) =>
  Effect.sync(() => {
    queries++
    return `Article ${id}`
  }).pipe(Effect.delay("100 millis"))

/** Two caches of one definition stand for two processes: they share nothing but Redis. */
const makeCache = TypedCache.make({
  name: "title",
  key: Schema.Int,
  value: Schema.String,
  timeToLive: "10 minutes",
  lookup: findTitle
})

const program = Effect.gen(function* () {
  const [one, two] = yield* Effect.all([makeCache, makeCache])
  yield* one.invalidate(7) // the key is cold, whatever an earlier run has left

  const readers = Array.from({ length: 10_000 }, (_, reader) => (reader % 2 === 0 ? one : two).get(7))
  yield* Effect.all(readers, { concurrency: "unbounded", discard: true })
  yield* Console.log(`10,000 readers in two processes: ${queries} query`)
  if (queries !== 1) return yield* Effect.dieMessage("not as it should be")
}).pipe(Effect.scoped)

Effect.runPromise(Effect.provide(program, SocketRedis.layerConfig({ embeddedWhenUnset: true })))
