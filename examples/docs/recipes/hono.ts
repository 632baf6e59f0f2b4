import { Cause, Duration, Effect, Exit, Layer, ManagedRuntime, Option, Schema } from "effect"
import { RateLimiter, TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"
import { Hono } from "hono"

const Article = Schema.Struct({ id: Schema.Int, title: Schema.String })

class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

class Articles extends TypedCache.Tag("app/Articles")<Articles, ArticleNotFound>()({
  name: "article",
  key: Schema.Int,
  value: Article,
  timeToLive: "10 minutes",
  local: { capacity: 1_000 }
}) {
  static readonly Live = Articles.layer({
    lookup: (id) => (id === 7 ? Effect.succeed({ id, title: "Snow" }) : new ArticleNotFound({ id }))
  })
}

const perClient = RateLimiter.slidingLog({ limit: 5, window: "10 seconds", onUnavailable: "allow" })

const runtime = ManagedRuntime.make(
  Layer.merge(Articles.Live, RateLimiter.layer).pipe(
    Layer.provide(SocketRedis.layerConfig({ embeddedWhenUnset: true }))
  )
)

const app = new Hono()

app.use("/articles/*", async (c, next) => {
  const client = c.req.header("x-api-key") ?? "anonymous" // in earnest: the user of a verified token
  const { allowed, retryAfter } = await runtime.runPromise(
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      return yield* limiter.consume(yield* RateLimiter.key("articles", client), perClient)
    })
  )
  if (!allowed)
    return c.text("too many requests", 429, { "retry-after": `${Math.ceil(Duration.toSeconds(retryAfter))}` })
  return next()
})

app.get("/articles/:id", async (c) => {
  const id = Number(c.req.param("id"))
  const exit = await runtime.runPromiseExit(Effect.flatMap(Articles, (articles) => articles.getResult(id)))
  if (Exit.isSuccess(exit)) return c.json({ ...exit.value.value, source: exit.value.source })
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  switch (failure?._tag) {
    case "ArticleNotFound":
      return c.json({ missing: failure.id }, 404)
    case "InvalidKey":
      return c.json({ message: failure.message }, 400)
    case "LookupOverloaded":
      return c.text("busy", 503, { "retry-after": "1" })
    default:
      throw Cause.squash(exit.cause)
  }
})

// Bun serves what is exported by default; on Node: serve({ fetch: app.fetch }) of @hono/node-server
export default { port: process.env.PORT ?? 3000, fetch: app.fetch }

process.once("SIGTERM", () => void runtime.dispose().then(() => process.exit(0)))
