import { Console, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

const database = new Map([[7, "Snow"]])

const makeCache = TypedCache.make({
  name: "headline",
  key: Schema.Int,
  value: Schema.String,
  timeToLive: "10 minutes",
  local: { capacity: 10_000 },
  lookup: (id) => Effect.delay(Effect.fromNullable(database.get(id)), "100 millis")
})

const program = Effect.gen(function* () {
  const [editor, reader] = yield* Effect.all([makeCache, makeCache]) // two processes
  yield* editor.clear
  yield* Effect.repeat(Effect.delay(reader.getResult(7), "10 millis"), { until: ({ source }) => source === "Local" })
  yield* Console.log(`before: ${yield* reader.get(7)}, from the memory of the reader's process`)

  database.set(7, "Rain") // commit first
  yield* editor.invalidate(7) // and invalidate then

  const after = yield* Effect.repeat(reader.getResult(7), { until: ({ value }) => value === "Rain" })
  yield* Console.log(`after: ${after.value}, by a ${after.source}`)
  const again = yield* editor.getResult(7)
  yield* Console.log(`the editor's process: ${again.value}, from ${again.source}`)
}).pipe(Effect.scoped)

Effect.runPromise(Effect.provide(program, SocketRedis.layerConfig({ embeddedWhenUnset: true })))
