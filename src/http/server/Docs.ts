/**
 * Serves the OpenAPI document and the docs page. Both are made at the first request: the document takes longer than the start of
 * the server otherwise does, and Swagger UI is 2 MB of source in the platform.
 *
 * @since 0.1.0
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as StaticPage from "./StaticPage.js"

const path = "/docs"
const documentPath = "/api/openapi.json"

const loadPage = Effect.gen(function* () {
  const swagger = yield* Effect.promise(() => import("@effect/platform/HttpApiSwagger"))
  const routes = swagger.layer({ path }).pipe(Layer.provideMerge(HttpApiBuilder.Router.Live))
  const page = yield* Effect.flatten(Effect.provide(HttpApiBuilder.Router.router, routes))
  return StaticPage.make(yield* Effect.promise(() => HttpServerResponse.toWeb(page).text()))
  // the cached effect ignores interruption: a first reader who disconnects must not fail the page for all others
}).pipe(Effect.uninterruptible)

/**
 * Answers `GET /api/openapi.json`, and `GET /docs`, which loads nothing from another host.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, HttpApi.Api> = HttpApiBuilder.Router.use((router) =>
  Effect.gen(function* () {
    const api = yield* HttpApi.Api
    const page = yield* Effect.cached(Effect.provideService(loadPage, HttpApi.Api, api))
    yield* router.get(path, Effect.flatten(page))
    yield* router.get(
      documentPath,
      yield* Effect.cached(Effect.sync(() => HttpServerResponse.unsafeJson(OpenApi.fromApi(api.api))))
    )
  })
)
