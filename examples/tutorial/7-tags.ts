import { Console, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

const Article = Schema.Struct({ id: Schema.Int, title: Schema.String, author: Schema.String })

let queries = 0
const findArticle = (id: number) =>
  Effect.sync(() => {
    queries++
    return { id, title: `Article ${id}`, author: id % 2 === 0 ? "Ada" : "Grace" }
  }).pipe(Effect.delay("100 millis"))

const program = Effect.gen(function* () {
  const articles = yield* TypedCache.make({
    name: "article-by-author",
    key: Schema.Int,
    value: Article,
    timeToLive: "10 minutes",
    tags: ({ author }) => [`author:${author}`],
    lookup: findArticle
  })
  yield* articles.clear
  const ids = Array.from({ length: 1_000 }, (_, id) => id)

  yield* articles.getMany(ids)
  yield* Console.log(`cold: ${queries} queries`)

  queries = 0
  yield* articles.invalidateTag("author:Ada") // one command, for any number of articles
  yield* articles.getMany(ids)
  yield* Console.log(`after a change of Ada's name: ${queries} queries`)
}).pipe(Effect.scoped)

Effect.runPromise(Effect.provide(program, SocketRedis.layerConfig({ embeddedWhenUnset: true })))
