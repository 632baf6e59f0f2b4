/**
 * Caches the responses of a server: of a route, of a router, or of an `HttpApi`.
 *
 * A response is stored when it says how long it is fresh, or its route declares it. It answers other requests for the same URL
 * that agree on the fields of `Vary`. The rules are those of RFC 9111 and RFC 5861, and `Cache-Status` (RFC 9211) says what
 * was done.
 *
 * @since 0.2.0
 */
import type * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as TypedCache from "../../cache/TypedCache.js"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import * as Exchange from "./exchange/Exchange.js"
import * as Declaration from "./server/Declaration.js"
import * as ServerCache from "./server/ServerCache.js"
import * as ServerMessage from "./server/ServerMessage.js"
import * as RequestKey from "./store/RequestKey.js"
import * as ResponseStore from "./store/ResponseStore.js"
import * as StoreOptions from "./store/StoreOptions.js"

export type {
  /**
   * @since 0.2.0
   * @category models
   */
  Declaration
} from "./server/Declaration.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  HeuristicOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  OutageGroup,
  /**
   * @since 0.2.0
   * @category models
   */
  StaleOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  StoreGroup
} from "./store/StoreOptions.js"

/**
 * What selects a stored response, besides method, URL, user and `Vary`.
 *
 * @since 0.2.0
 * @category models
 */
export interface KeyOptions {
  /** request fields whose values select the response, where handlers use them without a `Vary`: default none */
  readonly fields?: ReadonlyArray<string> | undefined
  /** whether responses of several hosts are kept apart: default true. Without, no handler may use the `Host` field. */
  readonly host?: boolean | undefined
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Options<R = never> {
  /** the prefix of the keys in Redis: default `http` */
  readonly name?: string | undefined
  /**
   * Identifies the user of a request by its verified credentials; none for a request that any client may have the response
   * of. A user's responses are stored for that user alone, also those with `private`. Default: a request with credentials is
   * not answered from the cache.
   */
  readonly user?:
    | ((request: HttpServerRequest.HttpServerRequest) => Effect.Effect<Option.Option<string>, never, R>)
    | undefined
  /**
   * Declares that responses depend on no user: requests with credentials are answered like all others. Default false. Must not
   * be set together with `user`.
   */
  readonly shared?: boolean | undefined
  /**
   * Request fields that carry credentials, besides `Authorization`, `Proxy-Authorization`, `Cookie` and `X-Api-Key`: default
   * none
   */
  readonly credentials?: ReadonlyArray<string> | undefined
  /** whether clients may ask for newer responses by their `Cache-Control`: default true */
  readonly honourRequest?: boolean | undefined
  /** whether a response without a validator gets an `ETag` of its content: default true */
  readonly etag?: boolean | undefined
  /** what selects a stored response, besides method, URL, user and `Vary`: default that of each option */
  readonly key?: KeyOptions | undefined
  /** which responses are stored, and how: default that of each option */
  readonly store?: StoreOptions.StoreGroup | undefined
  /** how long a stale response is served, where it does not say so itself: default not at all */
  readonly stale?: StoreOptions.StaleOptions | undefined
  /** estimates the freshness of responses that have `Last-Modified` and no other: default never */
  readonly heuristic?: StoreOptions.HeuristicOptions | undefined
  /** the tier in the memory of the process: default none */
  readonly local?: TypedCache.LocalOptions | undefined
  /** the lease that lets one process at a time fetch a response: default that of each option */
  readonly lease?: TypedCache.LeaseOptions | undefined
  /** the behaviour while Redis is away: default that of each option */
  readonly outage?: StoreOptions.OutageGroup | undefined
  /** the name of this cache in `Cache-Status`, or false for no such header: default `effect-cache-toolkit` */
  readonly cacheStatus?: string | false | undefined
}

/**
 * Stored responses.
 *
 * @since 0.2.0
 * @category services
 */
export class ResponseCache extends Context.Tag("effect-cache-toolkit/ResponseCache")<
  ResponseCache,
  ResponseCache.Service
>() {}

/**
 * @since 0.2.0
 */
export declare namespace ResponseCache {
  /**
   * An invalidation answers false when Redis has not taken it yet: it is sent again until it has. This process serves nothing
   * of it from then on. It may be repeated.
   *
   * @since 0.2.0
   * @category models
   */
  export interface Service {
    /** Answers the requests of a handler from stored responses where it can. The errors of the handler pass unchanged. */
    readonly cached: <E, R>(app: HttpApp.Default<E, R>, declaration?: Declaration.Declaration) => HttpApp.Default<E, R>
    /** Invalidates the responses of a path, for each query, host, user and variant. */
    readonly invalidate: (path: string) => Effect.Effect<boolean>
    /** Invalidates the responses whose route or handler has named the tag. An empty tag has none. */
    readonly invalidateTag: (tag: string) => Effect.Effect<boolean>
    /** Invalidates the responses that are stored for one user. */
    readonly invalidateUser: (user: string) => Effect.Effect<boolean>
    /** Invalidates all responses. */
    readonly clear: Effect.Effect<boolean>
    /** The counters of the cache behind it in this process: a read of a variant counts twice. */
    readonly stats: Effect.Effect<TypedCache.CacheStats>
  }
}

/** what a request with one of these fields gets may be for its user alone */
const credentialFields = ["authorization", "proxy-authorization", "cookie", "x-api-key"]

const owner = "ResponseCache"

/**
 * Builds a cache of responses for the life of the scope. An option that cannot be right is a defect that names it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <R = never>(
  options: Options<R> = {}
): Effect.Effect<ResponseCache.Service, never, RedisClient | Scope.Scope | R> =>
  Effect.gen(function* () {
    const {
      cacheStatus = "effect-cache-toolkit",
      etag = true,
      honourRequest = true,
      key = {},
      shared = false
    } = options
    const { reject } = OptionCheck.make(owner)
    if (shared && options.user !== undefined) {
      reject("shared", shared, "absent where `user` is set: a response is either for its user or for all")
    }
    if (cacheStatus === "") reject("cacheStatus", cacheStatus, "a name or false")
    const {
      maxBodyBytes,
      policy,
      store: storeOptions
    } = StoreOptions.parse(owner, { name: "http", setCookie: false }, options)
    const context = yield* Effect.context<R>()
    const { user } = options
    const store = yield* ResponseStore.make(storeOptions)
    const exchange = yield* Exchange.make(store, {
      ...policy,
      validatorSuffices: false,
      withValidator: etag ? ServerMessage.withEntityTag : (fields) => fields
    })
    const invalidateTag = (tag: string) => Effect.orDie(store.invalidateTag(tag))
    const invalidate = (path: string) => invalidateTag(RequestKey.pathTag(ServerCache.normalPath(path)))
    const cached = ServerCache.make({
      exchange,
      invalidate,
      userOf: user && ((request) => Effect.provide(user(request), context)),
      isShared: shared,
      credentialFields: [...credentialFields, ...(options.credentials ?? [])].map((name) => name.toLowerCase()),
      keyFields: (key.fields ?? []).map((name) => name.toLowerCase()),
      isHostKeyed: key.host ?? true,
      honourRequest,
      maxBodyBytes,
      statusName: cacheStatus === false ? undefined : cacheStatus
    })
    return {
      cached: (app, declaration = {}) => {
        Declaration.check(`${owner} "${storeOptions.name}"`, declaration)
        return cached(app, declaration)
      },
      invalidate,
      invalidateTag: (tag) => invalidateTag(RequestKey.ownTag(tag)),
      invalidateUser: (name) => invalidateTag(RequestKey.userTag(name)),
      clear: store.clear,
      stats: store.stats
    }
  })

/**
 * Provides the cache that `make` builds.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { MemoryRedis } from "effect-cache-toolkit"
 * import { ResponseCache } from "effect-cache-toolkit/http-cache"
 * import { Effect, Layer } from "effect"
 *
 * const router = HttpRouter.empty.pipe(
 *   HttpRouter.get(
 *     "/articles/:id",
 *     HttpRouter.params.pipe(
 *       Effect.tap(({ id }) => ResponseCache.declare({ timeToLive: "10 minutes", tags: [`article:${id}`] })),
 *       Effect.flatMap(({ id }) => HttpServerResponse.json({ id })),
 *       ResponseCache.cached()
 *     )
 *   ),
 *   HttpRouter.put(
 *     "/articles/:id",
 *     HttpRouter.params.pipe(
 *       Effect.flatMap(({ id }) => ResponseCache.invalidateTag(`article:${id}`)),
 *       Effect.zipRight(HttpServerResponse.empty())
 *     )
 *   )
 * )
 *
 * // Layer<ResponseCache>
 * const cache = ResponseCache.layer().pipe(Layer.provide(MemoryRedis.layer()))
 */
export const layer = <R = never>(options: Options<R> = {}): Layer.Layer<ResponseCache, never, RedisClient | R> =>
  Layer.scoped(ResponseCache, make(options))

/**
 * Answers the requests of a route or of a router from stored responses where it can. The declaration counts for each of
 * them; a declaration of the handler takes precedence.
 *
 * A `GET` is stored, and answers `HEAD` too. A request that may change something invalidates its path when it succeeds. A
 * stored response is served without running the handler: what must run for each request, such as authentication and limits,
 * stands outside.
 *
 * @since 0.2.0
 * @category combinators
 */
export const cached =
  (declaration?: Declaration.Declaration) =>
  <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R | ResponseCache> =>
    Effect.flatMap(ResponseCache, (cache) => cache.cached(app, declaration))

/**
 * Caches all routes of a router, of which a response says or declares how long it is stored:
 * `HttpRouter.use(ResponseCache.middleware)`, or `ResponseCache.middleware(router)`. The middleware of `HttpServer.serve` is
 * too late for it: an app that is served sends its response itself.
 *
 * @since 0.2.0
 * @category middleware
 */
export const middleware = cached()

/**
 * Serves an `HttpApi` like `HttpApiBuilder.serve`, with a cache before all of its endpoints. A handler declares how long its
 * response is stored. A middleware that needs no response, such as `HttpMiddleware.logger`, may stand outside.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "@effect/platform"
 * import { BunHttpServer } from "@effect/platform-bun"
 * import { MemoryRedis } from "effect-cache-toolkit"
 * import { ResponseCache } from "effect-cache-toolkit/http-cache"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const api = HttpApi.make("rates").add(
 *   HttpApiGroup.make("rates").add(HttpApiEndpoint.get("latest", "/rates").addSuccess(Schema.Number))
 * )
 *
 * const rates = HttpApiBuilder.group(api, "rates", (handlers) =>
 *   handlers.handle("latest", () => Effect.as(ResponseCache.declare({ timeToLive: "1 minute" }), 11.4))
 * )
 *
 * const server = ResponseCache.serveApi().pipe(
 *   Layer.provide([HttpApiBuilder.api(api).pipe(Layer.provide(rates)), ResponseCache.layer()]),
 *   Layer.provide([BunHttpServer.layer({ port: 3000 }), MemoryRedis.layer()])
 * )
 */
export const serveApi = (
  middleware?: HttpMiddleware.HttpMiddleware
): Layer.Layer<
  never,
  never,
  HttpServer.HttpServer | HttpRouter.HttpRouter.DefaultServices | HttpApi.Api | ResponseCache
> =>
  Effect.map(Effect.all([HttpApiBuilder.httpApp, ResponseCache]), ([app, cache]) => {
    const cachedApp = cache.cached(app)
    return middleware === undefined ? HttpServer.serve(cachedApp) : HttpServer.serve(cachedApp, middleware)
  }).pipe(Layer.unwrapEffect, Layer.provide([HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer]))

/**
 * Declares in a handler how long its response is stored, and its tags. A later declaration replaces the times of an earlier
 * one, and adds its tags. Does nothing outside of a cached route. Dies where an option cannot be right.
 *
 * @since 0.2.0
 * @category combinators
 */
export const declare = (declaration: Declaration.Declaration): Effect.Effect<void> =>
  Effect.flatMap(Effect.serviceOption(Declaration.Declarations), (collected) =>
    Effect.sync(() => {
      Declaration.check(owner, declaration)
      if (Option.isSome(collected)) Declaration.add(collected.value, declaration)
    })
  )

/**
 * Adds tags to the response of the handler that runs.
 *
 * @since 0.2.0
 * @category combinators
 */
export const tag = (...tags: ReadonlyArray<string>): Effect.Effect<void> => declare({ tags })

/**
 * Invalidates the responses of a path, such as `/articles/1`, for each query, host, user and variant.
 *
 * @since 0.2.0
 * @category accessors
 */
export const invalidate = (path: string): Effect.Effect<boolean, never, ResponseCache> =>
  Effect.flatMap(ResponseCache, (cache) => cache.invalidate(path))

/**
 * Invalidates the responses that have a tag.
 *
 * @since 0.2.0
 * @category accessors
 */
export const invalidateTag = (tag: string): Effect.Effect<boolean, never, ResponseCache> =>
  Effect.flatMap(ResponseCache, (cache) => cache.invalidateTag(tag))

/**
 * Invalidates the responses that are stored for one user, such as after a change of rights.
 *
 * @since 0.2.0
 * @category accessors
 */
export const invalidateUser = (user: string): Effect.Effect<boolean, never, ResponseCache> =>
  Effect.flatMap(ResponseCache, (cache) => cache.invalidateUser(user))
