/**
 * The options of a cache that lives in one process: those of `TypedCache` that do not concern Redis.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type { CacheSettings, Failures, KeyOptions, LayerOptions, LocalOptions, NoFailures } from "../CacheOptions.js"
import type { CacheSchema } from "../entry/CacheSchema.js"
import type { Answer, Previous } from "../lookup/ConditionalLookup.js"

type LocalSetting = "name" | "timeToLive" | "jitter" | "staleFor" | "tags" | "maxBatch" | "refresh" | "negative"

/**
 * All options besides the schemas and the lookup. `local` is required, since a memory without a bound grows for ever.
 *
 * @since 0.2.0
 * @category models
 */
export interface LocalCacheSettings<Key, Value, F extends Failures = NoFailures>
  extends Pick<CacheSettings<Key, Value, F>, LocalSetting> {
  /**
   * The bounds of the memory. `maxBytes` counts what the values would take as JSON, and needs `value`. `timeToLive` bounds how long
   * a value is fresh: default, as long as its own time to live.
   */
  readonly local: Omit<LocalOptions, "keepStale" | "tracking">
}

/**
 * All options besides the lookup, for a class that knows its values before it has a lookup.
 *
 * @since 0.2.0
 * @category models
 */
export type LocalCacheDefinition<Key, Value, F extends Failures = NoFailures> = KeyOptions<Key> & {
  /** the type of the values; they are kept as they are, and are neither encoded nor validated */
  readonly value: CacheSchema<Value>
} & LocalCacheSettings<Key, Value, F>

/**
 * Where the values of a cache come from. Like `TypedCache.LookupOptions`, and the type of the values may be inferred from `lookup`.
 *
 * @since 0.2.0
 * @category models
 */
export interface LocalLookupOptions<Key, Value, E, R> {
  /**
   * Loads the value of a key from the source of truth. The answer may be `versioned(value, tag)`. A later lookup gets the
   * value that the cache holds and may answer `notModified`. An invalidated value is not passed.
   */
  readonly lookup: (key: Key, previous: Option.Option<Previous<NoInfer<Value>>>) => Effect.Effect<Answer<Value>, E, R>
  /**
   * Loads several keys with one call: the misses of a `getMany`, or of concurrent reads. The answers stand in the order of
   * the keys (see `alignToKeys`). A failure of the call is the failure of each key. A single key goes to `lookup`. Default: every
   * key goes to `lookup`.
   */
  readonly lookupMany?:
    | ((
        keys: ReadonlyArray<Key>,
        previous: ReadonlyArray<Option.Option<Previous<NoInfer<Value>>>>
      ) => Effect.Effect<ReadonlyArray<Either.Either<Answer<NoInfer<Value>>, E>>, E, R>)
    | undefined
}

/**
 * `value` may be left out: the type of the values is then that of the lookup. `TypedCache.make` needs it.
 *
 * @since 0.2.0
 * @category models
 */
export type LocalCacheOptions<Key, Value, E, R, F extends Failures = NoFailures> = KeyOptions<Key> & {
  /** the type of the values: default that of the lookup. Values are kept as they are, neither encoded nor validated. */
  readonly value?: CacheSchema<Value> | undefined
} & LocalCacheSettings<Key, NoInfer<Value>, F> &
  LocalLookupOptions<Key, Value, E, R>

/**
 * What a layer may set otherwise than the definition of its cache.
 *
 * @since 0.2.0
 * @category models
 */
export interface LocalCacheLayerOptions<Key, Value>
  extends Pick<
    LayerOptions<Key, Value>,
    "timeToLive" | "jitter" | "staleFor" | "tags" | "maxBatch" | "refresh" | "negative"
  > {
  /** the bounds of the memory: default those of the definition */
  readonly local?: LocalCacheSettings<Key, Value>["local"]
}

/**
 * The options of a definition, with those that a layer sets otherwise. Groups are merged by option.
 *
 * @since 0.2.0
 * @category combinators
 */
export const withLayerOptions = <Key, Value, F extends Failures>(
  definition: LocalCacheDefinition<Key, Value, F>,
  { negative, refresh, ...settings }: LocalCacheLayerOptions<Key, Value>
): LocalCacheDefinition<Key, Value, F> => ({
  ...definition,
  ...settings,
  refresh: { ...definition.refresh, ...refresh },
  negative: definition.negative && { ...definition.negative, ...negative }
})
