/** Articles in two tiers, as docs/start.md builds them step by step. Needs no server; with REDIS_URL it uses that one. */
import { Console, Context, Effect, Layer, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

const Article = Schema.Struct({ id: Schema.Int, title: Schema.String, author: Schema.String })
type Article = typeof Article.Type

class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

/** Stands for your database: each query takes 100 ms. */
class Database extends Context.Tag("app/Database")<
  Database,
  {
    readonly find: (id: number) => Effect.Effect<Article, ArticleNotFound>
    readonly rename: (id: number, title: string) => Effect.Effect<void>
    readonly queries: Effect.Effect<number>
  }
>() {
  static readonly Live = Layer.sync(Database, () => {
    const rows = new Map<number, Article>(
      Array.from({ length: 100 }, (_, id) => [
        id,
        { id, title: `Article ${id}`, author: id % 2 === 0 ? "Ada" : "Grace" }
      ])
    )
    let queries = 0
    const find = (id: number) =>
      Effect.suspend(() => {
        queries++
        const row = rows.get(id)
        return row === undefined ? Effect.fail(new ArticleNotFound({ id })) : Effect.succeed(row)
      }).pipe(Effect.delay("100 millis"))
    const rename = (id: number, title: string) =>
      Effect.sync(() => {
        const row = rows.get(id)
        if (row !== undefined) rows.set(id, { ...row, title })
      })
    return { find, rename, queries: Effect.sync(() => queries) }
  })
}

/** The cache: what it stores, for how long, and what its lookup may fail with. */
class Articles extends TypedCache.Tag("app/Articles")<Articles, ArticleNotFound>()({
  name: "tutorial:article",
  key: Schema.Int,
  value: Article,
  timeToLive: "10 minutes",
  staleFor: "1 hour",
  tags: ({ author }) => [`author:${author}`],
  local: { capacity: 10_000, timeToLive: "1 minute", keepStale: "1 hour" }
}) {
  /** The lookup: `Layer<Articles, never, Database | RedisClient>`. */
  static readonly Live = Articles.layer({ lookup: (id) => Effect.flatMap(Database, ({ find }) => find(id)) })
}

const program = Effect.gen(function* () {
  const articles = yield* Articles
  const database = yield* Database
  yield* articles.clear // what an earlier run has left

  yield* Effect.forEach(Array.from({ length: 1_000 }), () => articles.get(7), { concurrency: "unbounded" })
  yield* Console.log(`1,000 readers of a cold article: ${yield* database.queries} query`)

  const { source } = yield* articles.getResult(7)
  yield* Console.log(`the next reader: from ${source}`)

  yield* database.rename(7, "Snow")
  yield* articles.invalidate(7)
  const changed = yield* articles.getResult(7)
  yield* Console.log(`after a change: ${changed.value.title}, by a ${changed.source}`)

  yield* articles.invalidateTag("author:Grace")
  const tagged = yield* articles.getResult(7)
  yield* Console.log(`after an invalidation by tag: by a ${tagged.source}`)

  const missing = yield* Effect.flip(articles.get(1_000))
  yield* Console.log(`an article that there is not: ${missing._tag}`)
  yield* Console.log(`${yield* database.queries} queries in all`)
})

const live = Articles.Live.pipe(
  Layer.provideMerge(Database.Live),
  Layer.provide(SocketRedis.layerConfig({ embeddedWhenUnset: true }))
)

Effect.runPromise(Effect.provide(program, live))
