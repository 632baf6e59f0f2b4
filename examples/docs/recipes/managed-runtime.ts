import { Cause, Effect, Exit, Layer, ManagedRuntime, Option, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

const Article = Schema.Struct({ id: Schema.Int, title: Schema.String })

class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

class Articles extends TypedCache.Tag("app/Articles")<Articles, ArticleNotFound>()({
  name: "article",
  key: Schema.Int,
  value: Article,
  timeToLive: "10 minutes",
  local: { capacity: 1_000 }
}) {}

// your query, which answers a promise
const findArticle = async (id: number) => (id === 7 ? { id, title: "Snow" } : undefined)

const ArticlesLive = Articles.layer({
  lookup: (id) =>
    Effect.promise(() => findArticle(id)).pipe(
      Effect.flatMap(Option.fromNullable),
      Effect.catchTag("NoSuchElementException", () => new ArticleNotFound({ id }))
    )
})

// one for the whole process: it has the connections and the memory of the cache
const runtime = ManagedRuntime.make(Layer.provide(ArticlesLive, SocketRedis.layerConfig({ embeddedWhenUnset: true })))

/** For code that knows nothing of Effect: an article, or undefined where there is none. Any other failure rejects. */
const getArticle = async (id: number): Promise<typeof Article.Type | undefined> => {
  const exit = await runtime.runPromiseExit(Effect.flatMap(Articles, (articles) => articles.get(id)))
  if (Exit.isSuccess(exit)) return exit.value
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (failure?._tag === "ArticleNotFound") return undefined
  throw Cause.squash(exit.cause)
}

const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value ?? null)}\n`)
print(await getArticle(7))
print(await getArticle(8))

// on SIGTERM, after the last request: closes the connections, and ends the lookups
await runtime.dispose()
