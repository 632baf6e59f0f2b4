import { Console, Effect, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { id: Schema.String }) {}

const program = Effect.gen(function* () {
  const database = new Map<string, number>()
  let queries = 0
  const scores = yield* TypedCache.make({
    name: "score",
    key: Schema.String,
    value: Schema.Number,
    timeToLive: "10 minutes",
    negative: { error: NotFound, timeToLive: "30 seconds" }, // any other error is looked up again
    lookup: (id) =>
      Effect.suspend(() => {
        queries++
        const score = database.get(id)
        return score === undefined ? Effect.fail(new NotFound({ id })) : Effect.succeed(score)
      })
  })
  const first = yield* Effect.flip(scores.get("nobody"))
  const second = yield* Effect.flip(scores.get("nobody"))
  yield* Console.log(`${first._tag}, ${second._tag}, ${queries} query`)

  database.set("nobody", 7)
  yield* scores.invalidate("nobody") // or scores.set
  const score = yield* scores.get("nobody")
  yield* Console.log(`${score} after ${queries} queries`)
  if (score !== 7 || queries !== 2) return yield* Effect.dieMessage("not as it should be")
})

Effect.runPromise(Effect.provide(Effect.scoped(program), MemoryRedis.layer()))
