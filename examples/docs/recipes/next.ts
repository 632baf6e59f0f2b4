/** app/articles/[id]/route.ts of Next: a route handler is a function of a Request, and needs no import of Next. */
import { Cause, Effect, Exit, Layer, ManagedRuntime, Option, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as SocketRedis from "effect-cache-toolkit/SocketRedis"

export const runtime = "nodejs" // the Edge runtime has no sockets
export const dynamic = "force-dynamic" // this cache decides, and not that of Next

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

const make = () =>
  ManagedRuntime.make(Layer.provide(Articles.Live, SocketRedis.layerConfig({ embeddedWhenUnset: true })))

// in development Next loads this module again after each change: the connections stay the same
const shared = globalThis as { articlesRuntime?: ReturnType<typeof make> }
shared.articlesRuntime ??= make()
const effects = shared.articlesRuntime

export const GET = async (_request: Request, context: { readonly params: Promise<{ readonly id: string }> }) => {
  const id = Number((await context.params).id)
  const exit = await effects.runPromiseExit(Effect.flatMap(Articles, (articles) => articles.getResult(id)))
  if (Exit.isSuccess(exit)) return Response.json({ ...exit.value.value, source: exit.value.source })
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (failure?._tag === "ArticleNotFound") return Response.json({ missing: failure.id }, { status: 404 })
  if (failure?._tag === "InvalidKey") return Response.json({ message: failure.message }, { status: 400 })
  if (failure?._tag === "LookupOverloaded") return new Response(null, { status: 503, headers: { "retry-after": "1" } })
  throw Cause.squash(exit.cause)
}
