/**
 * A page that shows every cache of a client while it works, and operates them. It needs no other host, and nothing to be
 * built.
 *
 * The page and its files need no token. What it shows and does needs the token: key names may be people's data.
 *
 * @since 0.2.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as LiveCaches from "../../cache/LiveCaches.js"
import { RedisClient } from "../../redis/RedisClient.js"
import * as BearerToken from "../router/BearerToken.js"
import * as Assets from "./Assets.js"
import * as Operations from "./Operations.js"
import * as OptionText from "./OptionText.js"
import * as SettingOperations from "./SettingOperations.js"
import * as Snapshots from "./Snapshots.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** the path of the page: default `/dashboard` */
  readonly path?: `/${string}` | undefined
  /** the bearer token of each request that shows or does something, or a check of your own */
  readonly token: Redacted.Redacted | ((request: HttpServerRequest.HttpServerRequest) => boolean)
}

const noStore = { "cache-control": "no-store" }

const json = (body: unknown, status = 200) => Effect.orDie(HttpServerResponse.json(body, { status, headers: noStore }))

const unauthorized = HttpServerResponse.setHeader(
  HttpServerResponse.unsafeJson({ problem: "the request needs the API token" }, { status: 401, headers: noStore }),
  "www-authenticate",
  'Bearer realm="effect-cache-toolkit"'
)

const answer = <A, R>(effect: Effect.Effect<A, Operations.Rejected, R>) =>
  Effect.matchEffect(effect, {
    onFailure: ({ problem, status }) => json({ problem }, status),
    onSuccess: (value) => json(value)
  })

const allProblems = { errors: "all" } as const

const KeyOfCache = Schema.Struct({ cache: Schema.String, key: Schema.String })

const malformed = (error: { readonly message: string }) =>
  new Operations.Rejected({ status: 400, problem: error.message })

/** The body of a request. Any that the schema does not accept is answered by 400. */
const body = <A, I>(schema: Schema.Schema<A, I>) =>
  HttpServerRequest.schemaBodyJson(schema, allProblems).pipe(
    Effect.mapError(malformed),
    // a schema may throw, as `internal/schema/Untrusted` says
    Effect.catchAllDefect(() => Effect.fail(malformed({ message: "the body cannot be decoded" })))
  )

const encoder = new TextEncoder()
const asEvent = (snapshot: Snapshots.Snapshot): Uint8Array => encoder.encode(`data: ${JSON.stringify(snapshot)}\n\n`)

/**
 * Mounts the page on a router: `GET /dashboard` and paths below it. Shows the caches that are built on the `RedisClient` of
 * the context, whenever they are built. While it is mounted, one of 16 hits is sampled for the hottest keys.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { HttpRouter } from "@effect/platform"
 * import { Dashboard } from "effect-cache-toolkit/http"
 * import { Layer, Redacted } from "effect"
 *
 * const dashboard = Dashboard.layer(HttpRouter.Default, { token: Redacted.make("open-sesame") })
 *
 * // Layer<never, never, HttpServer | RedisClient>
 * const server = HttpRouter.Default.serve().pipe(Layer.provide(dashboard))
 */
export const layer = <Self, Name extends string, E, R>(
  router: HttpRouter.HttpRouter.TagClass<Self, Name, E, R>,
  options: Options
): Layer.Layer<never, never, RedisClient> =>
  router.use((router) =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const snapshots = yield* Snapshots.make(redis)
      const { files, page } = Assets.load(options.path ?? "/dashboard")
      const path = options.path ?? "/dashboard"
      const { token } = options
      const check = Redacted.isRedacted(token) ? BearerToken.make(token) : undefined
      const isAllowed = (request: HttpServerRequest.HttpServerRequest): boolean =>
        typeof token === "function" ? token(request) : check?.(request) === "Right"
      const guarded = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
          isAllowed(request) ? app : Effect.succeed(unauthorized)
        )

      const events = snapshots.pipe(Stream.map(asEvent), Stream.rechunk(1))

      yield* router.get(path, Effect.succeed(page))
      for (const [name, file] of files) yield* router.get(`${path}/${name}`, Effect.succeed(file))
      yield* router.get(
        `${path}/events`,
        guarded(
          Effect.sync(() =>
            HttpServerResponse.stream(events, { contentType: "text/event-stream; charset=utf-8", headers: noStore })
          )
        )
      )
      yield* router.get(
        `${path}/caches`,
        guarded(
          Effect.suspend(() =>
            json(
              LiveCaches.of(redis).map(({ advice, name, options }) => ({
                name,
                advice,
                options: OptionText.list(options)
              }))
            )
          )
        )
      )
      yield* router.get(
        `${path}/inspect`,
        guarded(
          HttpServerRequest.schemaSearchParams(KeyOfCache, allProblems).pipe(
            Effect.mapError(malformed),
            Effect.flatMap(({ cache, key }) => Operations.inspect(redis, cache, key)),
            answer
          )
        )
      )
      yield* router.post(
        `${path}/operations`,
        guarded(
          body(Operations.Operation).pipe(
            Effect.flatMap((operation) => Operations.run(redis, operation)),
            answer
          )
        )
      )
      yield* router.get(`${path}/settings`, guarded(Effect.suspend(() => answer(SettingOperations.list(redis)))))
      // a limit is known from its first call after somebody has asked
      SettingOperations.limits(redis)
      yield* router.get(`${path}/limits`, guarded(Effect.suspend(() => json(SettingOperations.limits(redis)))))
      yield* router.post(
        `${path}/settings`,
        guarded(
          body(SettingOperations.Change).pipe(
            Effect.flatMap((change) => SettingOperations.run(redis, change)),
            answer
          )
        )
      )
    })
  )
