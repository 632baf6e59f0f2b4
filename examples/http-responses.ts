/** An API of @effect/platform whose responses are cached, for all processes together. `bun examples/http-responses.ts` */
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { BunHttpServer, BunRuntime } from "@effect/platform-bun"
import { Config, Effect, Layer } from "effect"
import * as BunRedis from "effect-cache-toolkit/BunRedis"
import { ResponseCache } from "effect-cache-toolkit/http-cache"

const titles = new Map([["1", "Snow"]])

const router = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/articles/:id",
    HttpRouter.params.pipe(
      Effect.tap(({ id }) => ResponseCache.tag(`article:${id}`)),
      Effect.delay("50 millis"), // the work that a cached response saves
      Effect.flatMap(({ id = "" }) =>
        titles.has(id)
          ? HttpServerResponse.json({ id, title: titles.get(id) })
          : HttpServerResponse.empty({ status: 404 })
      ),
      ResponseCache.cached({ timeToLive: "10 minutes", staleIfError: "1 hour" })
    )
  ),
  HttpRouter.put(
    "/articles/:id/:title",
    HttpRouter.params.pipe(
      Effect.tap(({ id = "", title = "" }) => {
        titles.set(id, title)
        return ResponseCache.invalidateTag(`article:${id}`)
      }),
      Effect.zipRight(HttpServerResponse.empty({ status: 204 }))
    )
  )
)

const server = router.pipe(
  HttpServer.serve(),
  HttpServer.withLogAddress,
  Layer.provide(ResponseCache.layer({ local: { capacity: 1_000, timeToLive: "10 seconds" } })),
  Layer.provide(BunRedis.layerConfig({ embeddedWhenUnset: true })),
  Layer.provide(BunHttpServer.layerConfig(Config.all({ port: Config.withDefault(Config.integer("PORT"), 3000) })))
)

BunRuntime.runMain(Layer.launch(server))
