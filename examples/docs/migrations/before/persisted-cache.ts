import { PersistedCache, Persistence } from "@effect/experimental"
import { Console, Effect, PrimaryKey, Schema } from "effect"

class Article extends Schema.Class<Article>("Article")({ id: Schema.Int, title: Schema.String }) {}
class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

class ArticleById extends Schema.TaggedRequest<ArticleById>()("ArticleById", {
  payload: { id: Schema.Int },
  success: Article,
  failure: ArticleNotFound
}) {
  [PrimaryKey.symbol]() {
    return String(this.id)
  }
}

const database = new Map([[7, new Article({ id: 7, title: "Snow" })]])

const program = Effect.gen(function* () {
  const articles = yield* PersistedCache.make({
    storeId: "article",
    lookup: ({ id }: ArticleById) =>
      Effect.mapError(Effect.fromNullable(database.get(id)), () => new ArticleNotFound({ id })),
    timeToLive: (_, exit) => (exit._tag === "Success" ? "10 minutes" : "10 seconds"),
    inMemoryCapacity: 1_000,
    inMemoryTTL: "1 minute"
  })

  yield* Console.log((yield* articles.get(new ArticleById({ id: 7 }))).title)
  const missing = yield* Effect.flip(articles.get(new ArticleById({ id: 8 })))
  yield* Console.log(missing._tag) // ArticleNotFound | PersistenceError
  database.set(7, new Article({ id: 7, title: "Rain" }))
  yield* articles.invalidate(new ArticleById({ id: 7 }))
  yield* Console.log((yield* articles.get(new ArticleById({ id: 7 }))).title)
}).pipe(Effect.scoped)

// in production: layerResult of "@effect/experimental/Persistence/Redis"
Effect.runPromise(Effect.provide(program, Persistence.layerResultMemory))
