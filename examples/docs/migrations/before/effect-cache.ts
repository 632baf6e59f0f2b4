import { Cache, Console, Effect, Exit, Schema } from "effect"

class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

const database = new Map([[7, { id: 7, title: "Snow" }]])
let queries = 0

const program = Effect.gen(function* () {
  const articles = yield* Cache.makeWith({
    capacity: 1_000,
    timeToLive: (exit) => (Exit.isSuccess(exit) ? "10 minutes" : "10 seconds"),
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
  const { hits, misses, size } = yield* articles.cacheStats
  yield* Console.log(`${hits} hits, ${misses} misses, ${size} entries`)
})

Effect.runPromise(program)
