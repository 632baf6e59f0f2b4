/**
 * The constructor of a cache on Redis.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SqlTags from "../internal/effect/SqlTags.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import type { ReadError, TypedCache } from "./Cache.js"
import * as CacheAdvice from "./CacheAdvice.js"
import * as CacheMethods from "./CacheMethods.js"
import * as CacheOptionCheck from "./CacheOptionCheck.js"
import type { Failures, Options } from "./CacheOptions.js"
import * as Engine from "./Engine.js"
import * as CacheKey from "./entry/CacheKey.js"
import * as CacheSchema from "./entry/CacheSchema.js"
import * as JsonForm from "./entry/JsonForm.js"
import * as JsonEncoding from "./entry/json/JsonEncoding.js"
import * as LiveCaches from "./LiveCaches.js"
import * as LookupSource from "./lookup/LookupSource.js"

/**
 * Builds a cache on the `RedisClient` of the context, for the life of the scope. Lookups run with the context of this
 * construction, and never with that of a caller.
 *
 * Dies when an option cannot be right, with a message that names the option. Dies too when the encoded form of a schema is
 * no JSON, such as that of `Schema.BigIntFromSelf`. A value that is no JSON, such as NaN, is a failed store
 * (`CacheStats.storeFailures`).
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { TypedCache } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const squares = TypedCache.make({
 *   name: "square",
 *   key: Schema.NumberFromString,
 *   value: Schema.Number,
 *   timeToLive: "5 minutes",
 *   lookup: (n) => Effect.succeed(n * n)
 * })
 *
 * const program = Effect.gen(function* () {
 *   const cache = yield* squares
 *   return yield* cache.get(12)
 * })
 */
export const make = <
  Key,
  Value,
  E,
  R,
  CachedError = never,
  HardTimeout extends Duration.DurationInput | undefined = undefined,
  OnUnavailable extends "lookup" | "fail" = "lookup"
>(
  options: Options<Key, Value, E, R, Failures<CachedError, HardTimeout, OnUnavailable>>
): Effect.Effect<
  TypedCache<Key, Value, ReadError<E, Failures<CachedError, HardTimeout, OnUnavailable>>>,
  never,
  RedisClient | Scope.Scope | R
> =>
  Effect.gen(function* () {
    CacheOptionCheck.check(options)
    const keySchema = JsonEncoding.ofKey(CacheSchema.toSchema(options.key))
    const valueSchema = CacheSchema.toSchema(options.value)
    const negative = options.negative && { ...options.negative, error: CacheSchema.toSchema(options.negative.error) }
    yield* JsonForm.required(options.name, {
      key: keySchema,
      value: JsonEncoding.ofValue(valueSchema),
      error: negative && JsonEncoding.ofValue(negative.error)
    })
    const context = yield* Effect.context<R>()
    const redis = yield* RedisClient
    yield* KeyOwner.claim(redis, options.name)
    const keyOf = CacheKey.make(options.name, keySchema)
    const names = CacheKey.names(options.name, keySchema)
    const engine = yield* Engine.make<Key, Value, E, CachedError>({
      ...options,
      value: valueSchema,
      negative,
      names,
      maxBatch: LookupSource.maxBatch(options)
    })
    const advice = CacheAdvice.of(options, {
      commandTimeoutMillis: RedisExecutor.of(redis).commandTimeoutMillis,
      poolSize: CacheAdvice.poolSizeOf(Option.getOrUndefined(Context.getOption(context, SqlTags.SqlClient)))
    })
    if (advice.length > 0) yield* Effect.logWarning(`cache ${options.name}: ${advice.join("; ")}`)
    yield* LiveCaches.add(redis, {
      ...engine,
      name: options.name,
      options: Object.entries(options),
      advice,
      isTextKey: names.isText,
      localNameOf: names.ofText
    })

    // the options decide which failures the loader has: RedisError or LookupOverloaded by `onUnavailable`, and LookupTimeout by
    // `hardTimeout`
    type Failure = ReadError<E, Failures<CachedError, HardTimeout, OnUnavailable>>
    return yield* CacheMethods.make<Key, Value, E, R, CachedError, Failure>(
      { ...options, kind: "TypedCache", negative, failsWithoutRedis: options.outage?.onUnavailable === "fail" },
      { context, engine, keyOf, names, longestMillis: Engine.longestMillis(options) }
    )
  })
