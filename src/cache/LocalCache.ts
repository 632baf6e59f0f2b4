/**
 * Typed values under typed keys, cached in the memory of the process and loaded by a lookup, without Redis.
 *
 * The cache never serves an invalidated value, and runs one lookup per key, which survives its first caller. It has the methods of
 * `TypedCache` and its options but for those that concern Redis. To share values among processes, write `TypedCache` in the place
 * of `LocalCache`.
 *
 * @since 0.2.0
 */

export type {
  /**
   * @since 0.2.0
   * @category models
   */
  ManyOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  TypedCache as LocalCache
} from "./Cache.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  Answer,
  /**
   * @since 0.2.0
   * @category models
   */
  KeyOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  LocalOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  NegativeOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  RefreshOptions
} from "./CacheOptions.js"
export {
  /**
   * @since 0.2.0
   * @category models
   */
  type BatchSource,
  /**
   * @since 0.2.0
   * @category batching
   */
  resolver
} from "./CacheRequests.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  CacheSchema
} from "./entry/CacheSchema.js"
export {
  /**
   * @since 0.2.0
   * @category errors
   */
  type LocalReadError as ReadError,
  /**
   * @since 0.2.0
   * @category constructors
   */
  make
} from "./local/LocalCacheConstructor.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  LocalCacheDefinition as CacheDefinition,
  /**
   * @since 0.2.0
   * @category models
   */
  LocalCacheLayerOptions as LayerOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  LocalCacheOptions as Options,
  /**
   * @since 0.2.0
   * @category models
   */
  LocalCacheSettings as CacheSettings,
  /**
   * @since 0.2.0
   * @category models
   */
  LocalLookupOptions as LookupOptions
} from "./local/LocalCacheOptions.js"
export {
  /**
   * @since 0.2.0
   * @category models
   */
  type LocalCacheTag as CacheTag,
  /**
   * @since 0.2.0
   * @category services
   */
  Tag
} from "./local/LocalCacheTag.js"
export {
  /**
   * @since 0.2.0
   * @category conditional lookups
   */
  NotModified,
  /**
   * @since 0.2.0
   * @category conditional lookups
   */
  notModified,
  /**
   * @since 0.2.0
   * @category conditional lookups
   */
  type Previous,
  /**
   * @since 0.2.0
   * @category conditional lookups
   */
  Versioned,
  /**
   * @since 0.2.0
   * @category conditional lookups
   */
  versioned
} from "./lookup/ConditionalLookup.js"
export {
  /**
   * @since 0.2.0
   * @category errors
   */
  LookupCycle
} from "./lookup/LoadGraph.js"
export {
  /**
   * @since 0.2.0
   * @category errors
   */
  LookupTimeout
} from "./lookup/LookupRunner.js"
export {
  /**
   * @since 0.2.0
   * @category batching
   */
  alignToKeys
} from "./lookup/LookupSource.js"
export {
  /**
   * @since 0.2.0
   * @category events
   */
  CacheEvent
} from "./observe/CacheEvents.js"
export {
  /**
   * @since 0.2.0
   * @category models
   */
  CacheStats
} from "./observe/CacheStats.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  CacheResult
} from "./read/CacheResult.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  ReadOptions
} from "./read/ReadBound.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  RefreshAhead
} from "./read/RefreshAhead.js"
export {
  /**
   * @since 0.2.0
   * @category models
   */
  type WarmOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  type WarmProgress,
  /**
   * @since 0.2.0
   * @category errors
   */
  WarmStopped,
  /**
   * @since 0.2.0
   * @category models
   */
  type WarmSummary
} from "./read/Warming.js"
