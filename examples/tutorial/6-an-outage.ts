import { Console, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import { TestRedis } from "effect-cache-toolkit/testing"

class DatabaseDown extends Schema.TaggedError<DatabaseDown>()("DatabaseDown", {}) {}

const program = Effect.gen(function* () {
  const redis = yield* TestRedis.TestRedis // a Redis in memory that a program can cut off
  let isDatabaseUp = true
  const titles = yield* TypedCache.make({
    name: "title",
    key: Schema.Int,
    value: Schema.String,
    timeToLive: "1 second", // short, so that this program need not wait for ten minutes
    staleFor: "1 hour", // served past its time while it is refreshed, and while refreshing fails
    local: { capacity: 10_000, timeToLive: "500 millis", keepStale: "1 hour" },
    lookup: (id) => Effect.suspend(() => (isDatabaseUp ? Effect.succeed(`Article ${id}`) : new DatabaseDown()))
  })
  const read = (when: string) =>
    Effect.flatMap(Effect.either(titles.getResult(7)), (read) =>
      Console.log(`${when}: ${read._tag === "Right" ? `${read.right.value} (${read.right.source})` : read.left._tag}`)
    )

  yield* read("cold")
  yield* Effect.sleep("100 millis")
  yield* read("warm")
  yield* Effect.sleep("1.1 seconds") // now the value is past its time in both tiers

  isDatabaseUp = false
  yield* read("the database is away")
  yield* redis.cut
  yield* read("both are away")
  isDatabaseUp = true
  yield* read("Redis is away")
  yield* redis.restore
  yield* Effect.sleep("100 millis")
  yield* read("both are back")
  yield* read("warm again")
}).pipe(Effect.scoped)

Effect.runPromise(Effect.provide(program, TestRedis.layer))
