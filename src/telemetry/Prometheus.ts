/**
 * Serves metrics as text for Prometheus, by OpenTelemetry's own serializer.
 *
 * The text holds every Effect metric of the process: those of the toolkit, and those of the program. Names are those of
 * `Metrics` with underscores, with their unit, and with `_total` for counters. `docs/telemetry.md` lists them.
 *
 * @since 0.2.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Peer from "./exporters/Peer.js"
import * as Metrics from "./Metrics.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** the name of the service, where neither OTEL_SERVICE_NAME nor OTEL_RESOURCE_ATTRIBUTES has one: default `unknown_service` */
  readonly serviceName?: string | undefined
}

/**
 * Records metrics until the scope ends. Returns the effect that writes all of them as text, in the format 0.0.4 of
 * Prometheus. That effect may be repeated.
 *
 * The text dies where `@effect/opentelemetry` or `@opentelemetry/exporter-prometheus` is not installed.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Effect.Effect<string>, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* Metrics.record
    // loaded by the first scrape: a server that nobody watches starts without it
    return Effect.flatten(
      yield* Effect.cached(
        Effect.flatMap(
          Peer.load("@opentelemetry/exporter-prometheus", () => import("./exporters/PrometheusText.js")),
          (text) => text.make(options.serviceName)
        )
      )
    )
  })

/**
 * Records metrics until the scope ends. Returns an application that answers each request with the text, for a server or
 * router of your own.
 *
 * @since 0.2.0
 * @category constructors
 */
export const httpApp = (options: Options = {}): Effect.Effect<HttpApp.Default, never, Scope.Scope> =>
  Effect.map(make(options), (text) =>
    Effect.map(text, (body) =>
      HttpServerResponse.text(body, {
        contentType: "text/plain; version=0.0.4; charset=utf-8",
        headers: { "cache-control": "no-store" }
      })
    )
  )

/**
 * Answers `GET /metrics` on a router of `@effect/platform`: `HttpRouter.Default`, unless the options name another one, such
 * as `HttpApiBuilder.Router`.
 *
 * The answer holds the names of caches and the addresses of servers, and neither keys nor passwords. Every client of the
 * router may read it: keep the path from the public, or put a middleware before the router.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { Prometheus } from "effect-cache-toolkit/telemetry"
 * import * as HttpRouter from "@effect/platform/HttpRouter"
 * import * as Layer from "effect/Layer"
 *
 * // needs an HttpServer, such as BunHttpServer.layer({ port: 9464 })
 * const metrics = HttpRouter.Default.serve().pipe(Layer.provide(Prometheus.layer({ serviceName: "shop" })))
 */
export const layer = (
  options: Options & {
    /** the path of the metrics: default `/metrics` */
    readonly path?: HttpRouter.PathInput | undefined
    /** the router that gets the path: default `HttpRouter.Default` */
    readonly router?: Router | undefined
  } = {}
): Layer.Layer<never> => {
  const router: Router = options.router ?? HttpRouter.Default
  return router.use(({ get }) => Effect.flatMap(httpApp(options), (app) => get(options.path ?? "/metrics", app)))
}

/**
 * A router of `@effect/platform` that takes routes from layers.
 *
 * @since 0.2.0
 * @category models
 */
export interface Router {
  readonly use: <E, R>(
    f: (router: {
      readonly get: (path: HttpRouter.PathInput, app: HttpApp.Default) => Effect.Effect<void>
    }) => Effect.Effect<unknown, E, R>
  ) => Layer.Layer<never, E, Exclude<R, Scope.Scope>>
}
