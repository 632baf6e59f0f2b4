import { Console, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import { TestRedis } from "effect-cache-toolkit/testing"

const program = Effect.gen(function* () {
  const redis = yield* TestRedis.TestRedis
  let running = 0
  let most = 0
  const articles = yield* TypedCache.make({
    name: "article",
    key: Schema.Int,
    value: Schema.String,
    timeToLive: "10 minutes",
    outage: { maxLookups: 8, maxWaiting: 50 },
    lookup: (id) =>
      Effect.gen(function* () {
        most = Math.max(most, ++running)
        yield* Effect.sleep("20 millis")
        running--
        return `Article ${id}`
      })
  })
  yield* articles.get(1)

  yield* redis.cut
  const ids = Array.from({ length: 100 }, (_, id) => id)
  const reads = yield* Effect.forEach(ids, (id) => Effect.either(articles.get(id)), { concurrency: "unbounded" })
  const rejected = reads.filter((read) => read._tag === "Left").length
  yield* Console.log(`away: ${100 - rejected} reads answered, ${rejected} LookupOverloaded, ${most} lookups at once`)

  const taken = yield* articles.invalidate(1) // kept until Redis takes it
  const { outbox } = yield* articles.stats
  yield* Console.log(`an invalidation: ${taken}, ${outbox} in the outbox`)

  yield* redis.restore
  yield* Effect.repeat(articles.isAvailable, { until: (isAvailable) => isAvailable })
  const { source } = yield* articles.getResult(1)
  yield* Console.log(`back: ${source}, ${(yield* articles.stats).outbox} in the outbox`)
  if (rejected !== 42 || most !== 8 || taken || source !== "Lookup")
    return yield* Effect.dieMessage("not as it should be")
}).pipe(Effect.scoped)

Effect.runPromise(Effect.provide(program, TestRedis.layer))
