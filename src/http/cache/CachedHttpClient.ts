/**
 * Caches the responses that a client of `@effect/platform` gets, by the rules of RFC 9111.
 *
 * A fresh response is answered without a request. A stale one is revalidated by its `ETag` or `Last-Modified`. Concurrent
 * requests of all processes for one URL are one request. `Cache-Status` (RFC 9211) of each response says what was done.
 *
 * @since 0.2.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as TypedCache from "../../cache/TypedCache.js"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import * as ClientCache from "./client/ClientCache.js"
import * as Exchange from "./exchange/Exchange.js"
import * as RequestKey from "./store/RequestKey.js"
import * as ResponseStore from "./store/ResponseStore.js"
import * as StoreOptions from "./store/StoreOptions.js"

/**
 * What selects a stored response, besides method, URL, credentials and `Vary`.
 *
 * @since 0.2.0
 * @category models
 */
export interface KeyOptions {
  /** request fields whose values select the response, where servers use them without a `Vary`: default none */
  readonly fields?: ReadonlyArray<string> | undefined
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** the prefix of the keys in Redis: default `http-client` */
  readonly name?: string | undefined
  /**
   * Whether requests with different credentials share responses, by the rules of a shared cache. Default false: the cache is
   * private, and keeps the responses to each `Authorization`, `Cookie` and `X-Api-Key` apart.
   */
  readonly shared?: boolean | undefined
  /** request fields that carry credentials, besides those: default none */
  readonly credentials?: ReadonlyArray<string> | undefined
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
  /** the name of this cache in `Cache-Status`, or false for no such field: default `effect-cache-toolkit` */
  readonly cacheStatus?: string | false | undefined
}

/**
 * The stored responses of a client.
 *
 * @since 0.2.0
 * @category services
 */
export class CachedHttpClient extends Context.Tag("effect-cache-toolkit/CachedHttpClient")<
  CachedHttpClient,
  CachedHttpClient.Service
>() {}

/**
 * @since 0.2.0
 */
export declare namespace CachedHttpClient {
  /**
   * An invalidation answers false when Redis has not taken it yet: it is sent again until it has. It may be repeated.
   *
   * @since 0.2.0
   * @category models
   */
  export interface Service {
    /** Answers the requests of a client from stored responses where it can. Its errors pass unchanged. */
    readonly cached: ClientCache.Cached
    /** Invalidates the responses of a URL, for each query and variant. */
    readonly invalidate: (url: string | URL) => Effect.Effect<boolean>
    /** Invalidates all responses. */
    readonly clear: Effect.Effect<boolean>
    /** The counters of the cache behind it in this process: a read of a variant counts twice. */
    readonly stats: Effect.Effect<TypedCache.CacheStats>
  }
}

const credentialFields = ["authorization", "cookie", "proxy-authorization", "x-api-key"]

const owner = "CachedHttpClient"

/**
 * Builds a cache of responses for the life of the scope. An option that cannot be right is a defect that names it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<CachedHttpClient.Service, never, RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    const { cacheStatus = "effect-cache-toolkit", key = {}, shared = false } = options
    if (cacheStatus === "") OptionCheck.make(owner).reject("cacheStatus", cacheStatus, "a name or false")
    const defaults = { name: "http-client", setCookie: !shared }
    const { maxBodyBytes, policy, store: storeOptions } = StoreOptions.parse(owner, defaults, options)
    const store = yield* ResponseStore.make(storeOptions)
    const storagePolicy = {
      ...policy,
      validatorSuffices: true,
      withValidator: (fields: Record<string, string>) => fields
    }
    const exchange = yield* Exchange.make(store, storagePolicy)
    const invalidate = (url: URL) =>
      Effect.orDie(store.invalidateTag(RequestKey.pathTag(`${url.origin}${url.pathname}`)))
    return {
      cached: ClientCache.make({
        exchange,
        policy: storagePolicy,
        invalidate,
        isShared: shared,
        credentialFields: [...credentialFields, ...(options.credentials ?? [])].map((name) => name.toLowerCase()),
        keyFields: (key.fields ?? []).map((name) => name.toLowerCase()),
        maxBodyBytes,
        statusName: cacheStatus === false ? undefined : cacheStatus
      }),
      invalidate: (url) =>
        Effect.suspend(() => (URL.canParse(String(url)) ? invalidate(new URL(url)) : Effect.succeed(true))),
      clear: store.clear,
      stats: store.stats
    }
  })

/**
 * Puts the cache before the `HttpClient` of the context: a layer of `FetchHttpClient` or of another client is provided to it.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { FetchHttpClient, HttpClient } from "@effect/platform"
 * import { MemoryRedis } from "effect-cache-toolkit"
 * import { CachedHttpClient } from "effect-cache-toolkit/http-cache"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const client = yield* HttpClient.HttpClient
 *   const response = yield* client.get("https://api.example.org/rates")
 *   return yield* response.json
 * })
 *
 * const clientLive = CachedHttpClient.layer({ stale: { ifError: "10 minutes" } }).pipe(
 *   Layer.provide([FetchHttpClient.layer, MemoryRedis.layer()])
 * )
 *
 * const main = program.pipe(Effect.provide(clientLive))
 */
export const layer = (
  options: Options = {}
): Layer.Layer<HttpClient.HttpClient | CachedHttpClient, never, HttpClient.HttpClient | RedisClient> =>
  Layer.scopedContext(
    Effect.zipWith(make(options), HttpClient.HttpClient, (service, client) =>
      Context.make(CachedHttpClient, service).pipe(Context.add(HttpClient.HttpClient, service.cached(client)))
    )
  )
