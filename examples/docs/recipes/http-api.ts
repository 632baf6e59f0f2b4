import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, HttpServer } from "@effect/platform"
import { BunHttpServer } from "@effect/platform-bun"
import { Console, Effect, Layer, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
import * as BunRedis from "effect-cache-toolkit/BunRedis"
import { CacheStatus } from "effect-cache-toolkit/http"

const Article = Schema.Struct({ id: Schema.Int, title: Schema.String })

class ArticleNotFound extends Schema.TaggedError<ArticleNotFound>()(
  "ArticleNotFound",
  { id: Schema.Int },
  HttpApiSchema.annotations({ status: 404 })
) {}
class Busy extends Schema.TaggedError<Busy>()("Busy", {}, HttpApiSchema.annotations({ status: 503 })) {}

const id = HttpApiSchema.param("id", Schema.NumberFromString)
const Api = HttpApi.make("news").add(
  HttpApiGroup.make("articles")
    .add(HttpApiEndpoint.get("article")`/articles/${id}`.addSuccess(Article).addError(ArticleNotFound).addError(Busy))
    .add(
      HttpApiEndpoint.put("rename")`/articles/${id}`
        .setPayload(Schema.Struct({ title: Schema.String }))
        .addSuccess(Schema.Void)
    )
)

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

const articles = HttpApiBuilder.group(Api, "articles", (handlers) =>
  Effect.map(Articles, (cache) =>
    handlers
      .handle("article", ({ path: { id } }) =>
        cache.getResult(id).pipe(
          CacheStatus.report, // cache-status: effect-cache-toolkit; hit; ttl=571; detail=local
          // while Redis is away, and too many lookups run already
          Effect.catchTag("LookupOverloaded", () => new Busy()),
          Effect.catchTag("InvalidKey", "LookupCycle", Effect.die)
        )
      )
      .handle("rename", ({ path: { id }, payload: { title } }) =>
        Effect.zipRight(
          Effect.sync(() => void rows.set(id, { id, title })),
          Effect.ignore(cache.invalidate(id)) // after the commit
        )
      )
  )
).pipe(Layer.provide(Articles.Live))

const server = HttpApiBuilder.serve().pipe(
  Layer.provide(Layer.provide(HttpApiBuilder.api(Api), articles)),
  Layer.provide(BunRedis.layerConfig({ embeddedWhenUnset: true })),
  Layer.provideMerge(BunHttpServer.layer({ port: 0 }))
)

const program = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const url = `http://localhost:${address._tag === "TcpAddress" ? address.port : 0}/articles`
  const show = (path: string, init?: RequestInit) =>
    Effect.promise(() => fetch(`${url}/${path}`, init)).pipe(
      Effect.flatMap(({ headers, status }) => Console.log(init?.method ?? "GET", status, headers.get("cache-status")))
    )
  yield* show("7")
  yield* show("7")
  yield* show("7", {
    method: "PUT",
    body: JSON.stringify({ title: "Rain" }),
    headers: { "content-type": "application/json" }
  })
  yield* show("7")
  yield* show("8")
})

Effect.runPromise(Effect.provide(program, server))
