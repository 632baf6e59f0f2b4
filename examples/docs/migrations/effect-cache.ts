import { Console, Effect, Schema } from "effect"
import { LocalCache } from "effect-cache-toolkit"

class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

const database = new Map([[7, { id: 7, title: "Snow" }]])
let queries = 0

const program = Effect.gen(function* () {
  const articles = yield* LocalCache.make({
    name: "article",
    key: Schema.Int,
    local: { capacity: 1_000 },
    timeToLive: "10 minutes",
    negative: { error: ArticleNotFound, timeToLive: "10 seconds" },
    lookup: (id: number) =>
      Effect.suspend(() => {
        queries++
        return Effect.mapError(Effect.fromNullable(database.get(id)), () => new ArticleNotFound({ id }))
      })
  })

  yield* Effect.replicateEffect(articles.get(7), 100, { concurrency: "unbounded", discard: true })
  yield* Effect.replicateEffect(Effect.flip(articles.get(8)), 2)
  yield* Console.log(`${queries} queries`)
  database.set(7, { id: 7, title: "Rain" })
  yield* articles.invalidate(7)
  yield* Console.log((yield* articles.get(7)).title)
  const { hitsLocal, local, lookups, lookupsSaved } = yield* articles.stats
  yield* Console.log(`${hitsLocal + lookupsSaved} hits, ${lookups} lookups, ${local} entries`)
}).pipe(Effect.scoped)

Effect.runPromise(program)
