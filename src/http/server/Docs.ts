/**
 * The docs page. Swagger UI comes with the platform as 2 MB of source, so it is loaded when the page is first asked for.
 *
 * @since 0.1.0
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as StaticPage from "./StaticPage.js"

const path = "/docs"

const loadPage = Effect.gen(function* () {
  const swagger = yield* Effect.promise(() => import("@effect/platform/HttpApiSwagger"))
  const routes = swagger.layer({ path }).pipe(Layer.provideMerge(HttpApiBuilder.Router.Live))
  const page = yield* Effect.flatten(Effect.provide(HttpApiBuilder.Router.router, routes))
  return StaticPage.make(yield* Effect.promise(() => HttpServerResponse.toWeb(page).text()))
  // what is cached below is also an interruption, so that a first reader who leaves would take the page from all others
}).pipe(Effect.uninterruptible)

/**
 * `GET /docs`, which needs nothing from any other host.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, HttpApi.Api> = HttpApiBuilder.Router.use((router) =>
  Effect.gen(function* () {
    const api = yield* HttpApi.Api
    const page = yield* Effect.cached(Effect.provideService(loadPage, HttpApi.Api, api))
    yield* router.get(path, Effect.flatten(page))
  })
)
