import { Console, Duration, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

const Article = Schema.Struct({ id: Schema.Int, title: Schema.String, author: Schema.String })

let queries = 0
const findArticle = (id: number) =>
  Effect.sync(() => {
    queries++
    return { id, title: `Article ${id}`, author: id % 2 === 0 ? "Ada" : "Grace" }
  }).pipe(Effect.delay("100 millis"))

const readers = Array.from({ length: 200 }, (_, reader) => reader % 10)

const program = Effect.gen(function* () {
  const articles = yield* TypedCache.make({
    name: "article", // article 7 is stored as article:7
    key: Schema.Int,
    value: Article,
    timeToLive: "10 minutes",
    lookup: findArticle
  })
  for (const round of ["first", "second"]) {
    const [time] = yield* Effect.timed(Effect.forEach(readers, (id) => articles.get(id), { concurrency: 20 }))
    yield* Console.log(`${round} round: ${queries} queries, ${Math.round(Duration.toMillis(time))} ms`)
  }
}).pipe(Effect.scoped)

// REDIS_URL names the server; without it, a Redis in the memory of this process
Effect.runPromise(Effect.provide(program, SocketRedis.layerConfig({ embeddedWhenUnset: true })))
