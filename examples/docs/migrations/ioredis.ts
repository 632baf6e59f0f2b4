import { Console, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as IoRedis from "effect-cache-toolkit/IoRedis"

const Article = Schema.Struct({ id: Schema.Int, title: Schema.String })

class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

const database = new Map([[7, { id: 7, title: "Snow" }]])
let queries = 0

const program = Effect.gen(function* () {
  const articles = yield* TypedCache.make({
    name: "article-2", // another name than before: both programs run side by side
    key: Schema.Int,
    value: Article,
    timeToLive: "10 minutes",
    lookup: (id) =>
      Effect.suspend(() => {
        queries++
        const article = database.get(id)
        return article === undefined ? Effect.fail(new ArticleNotFound({ id })) : Effect.succeed(article)
      })
  })
  const rename = (id: number, title: string) =>
    Effect.zipRight(
      Effect.sync(() => database.set(id, { id, title })),
      articles.invalidate(id)
    )

  yield* articles.invalidate(7)
  yield* Effect.all(
    Array.from({ length: 100 }, () => articles.get(7)),
    { concurrency: "unbounded", discard: true }
  )
  yield* Console.log(`100 readers of a cold article: ${queries} query`)
  yield* rename(7, "Rain")
  yield* Console.log(`after a change: ${(yield* articles.get(7)).title}`)
}).pipe(Effect.scoped)

Effect.runPromise(Effect.provide(program, IoRedis.layerConfig({ embeddedWhenUnset: true })))
