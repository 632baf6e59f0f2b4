import { Console, Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

const Article = Schema.Struct({ id: Schema.Int, title: Schema.String })

class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

const database = new Map([[7, { id: 7, title: "Snow" }]])

const program = Effect.gen(function* () {
  const articles = yield* TypedCache.make({
    name: "article",
    key: Schema.Int,
    value: Article,
    timeToLive: "10 minutes", // ttl
    staleFor: "1 hour", // grace; refresh.softTimeout is timeout, and zero as well
    local: { capacity: 10_000 }, // the L1 layer, with its bus
    tags: () => ["articles"],
    lookup: (id) => Effect.mapError(Effect.fromNullable(database.get(id)), () => new ArticleNotFound({ id }))
  })

  yield* articles.clear
  yield* Console.log((yield* articles.get(7)).title)
  database.set(7, { id: 7, title: "Rain" })
  yield* articles.invalidate(7)
  yield* Console.log((yield* articles.get(7)).title)
  yield* articles.invalidateTag("articles")
}).pipe(Effect.scoped)

Effect.runPromise(Effect.provide(program, SocketRedis.layerConfig({ embeddedWhenUnset: true })))
