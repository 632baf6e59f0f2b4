import { Console, Effect, Schema } from "effect"
import { MemoryRedis, TypedCache } from "effect-cache-toolkit"

class Article extends Schema.Class<Article>("Article")({ id: Schema.Int, title: Schema.String }) {}
class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

const database = new Map([[7, new Article({ id: 7, title: "Snow" })]])

const program = Effect.gen(function* () {
  const articles = yield* TypedCache.make({
    name: "article-2", // another name than the storeId: both may run side by side
    key: Schema.Int, // in place of a class of requests
    value: Article,
    timeToLive: "10 minutes",
    negative: { error: ArticleNotFound, timeToLive: "10 seconds" }, // any other error is not cached
    local: { capacity: 1_000, timeToLive: "1 minute" },
    lookup: (id) => Effect.mapError(Effect.fromNullable(database.get(id)), () => new ArticleNotFound({ id }))
  })

  yield* Console.log((yield* articles.get(7)).title)
  const missing = yield* Effect.flip(articles.get(8))
  yield* Console.log(missing._tag) // ArticleNotFound | InvalidKey | LookupCycle | LookupOverloaded
  database.set(7, new Article({ id: 7, title: "Rain" }))
  yield* articles.invalidate(7)
  yield* Console.log((yield* articles.get(7)).title)
}).pipe(Effect.scoped)

// in production: a layer of BunRedis, SocketRedis or IoRedis
Effect.runPromise(Effect.provide(program, MemoryRedis.layer()))
