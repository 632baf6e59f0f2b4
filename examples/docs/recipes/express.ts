import { Cause, Effect, Exit, Layer, ManagedRuntime, Option, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"
import express from "express"

const Article = Schema.Struct({ id: Schema.Int, title: Schema.String })

class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()("ArticleNotFound", { id: Schema.Int }) {}

const rows = new Map([[7, { id: 7, title: "Snow" }]])

class Articles extends TypedCache.Tag("app/Articles")<Articles, ArticleNotFound>()({
  name: "article",
  key: Schema.Int,
  value: Article,
  timeToLive: "10 minutes",
  local: { capacity: 1_000 }
}) {
  static readonly Live = Articles.layer({
    lookup: (id) => Effect.mapError(Effect.fromNullable(rows.get(id)), () => new ArticleNotFound({ id }))
  })
}

const runtime = ManagedRuntime.make(Layer.provide(Articles.Live, SocketRedis.layerConfig({ embeddedWhenUnset: true })))

/** Runs an effect for a response, and interrupts it when the client has gone: its lookup ends where no other caller needs it. */
const run = <A, E>(response: express.Response, effect: Effect.Effect<A, E, Articles>) => {
  const controller = new AbortController()
  response.once("close", () => controller.abort())
  return runtime.runPromiseExit(effect, { signal: controller.signal })
}

const app = express()

app.get("/articles/:id", async (request, response) => {
  const id = Number(request.params.id)
  const exit = await run(
    response,
    Effect.flatMap(Articles, (articles) => articles.getResult(id))
  )
  if (Exit.isSuccess(exit)) return void response.json({ ...exit.value.value, source: exit.value.source })
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  switch (failure?._tag) {
    case "ArticleNotFound":
      return void response.status(404).json({ missing: failure.id })
    case "InvalidKey":
      return void response.status(400).json({ message: failure.message })
    case "LookupOverloaded":
      return void response.status(503).set("retry-after", "1").end()
    default:
      throw Cause.squash(exit.cause) // to the error handler of Express
  }
})

app.put("/articles/:id/:title", async (request, response) => {
  const id = Number(request.params.id)
  rows.set(id, { id, title: request.params.title })
  await run(
    response,
    Effect.flatMap(Articles, (articles) => articles.invalidate(id))
  ) // after the commit
  response.status(204).end()
})

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const address = server.address()
  const port = typeof address === "object" ? address?.port : address
  process.stdout.write(`listens on http://127.0.0.1:${port}\n`)
})

process.once("SIGTERM", () => {
  server.close(() => void runtime.dispose())
})
