/**
 * Typed values under typed keys, cached in the memory of the process and in Redis, and loaded by a lookup.
 *
 * The cache never serves an invalidated value, never fails because Redis does, and runs one lookup per key. The rules are
 * in docs/protocol.md.
 *
 * @since 0.1.0
 */

export type {
  /**
   * @since 0.1.0
   * @category errors
   */
  EngineError,
  /**
   * @since 0.1.0
   * @category models
   */
  ManyOptions,
  /**
   * @since 0.2.0
   * @category errors
   */
  ReadError,
  /**
   * @since 0.1.0
   * @category models
   */
  TypedCache
} from "./Cache.js"
export {
  /**
   * @since 0.1.0
   * @category constructors
   */
  make
} from "./CacheConstructor.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  Answer,
  /**
   * @since 0.1.0
   * @category models
   */
  CacheDefinition,
  /**
   * @since 0.2.0
   * @category models
   */
  CacheSettings,
  /**
   * @since 0.2.0
   * @category models
   */
  Failures,
  /**
   * @since 0.2.0
   * @category models
   */
  KeyOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  LayerOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  LeaseOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  LocalOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  LookupOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  NegativeOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  NoFailures,
  /**
   * @since 0.1.0
   * @category models
   */
  Options,
  /**
   * @since 0.2.0
   * @category models
   */
  OutageOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  RefreshOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  SchemaOptions,
  /**
   * @since 0.2.0
   * @category models
   */
  ValueOptions
} from "./CacheOptions.js"
export {
  /**
   * @since 0.2.0
   * @category models
   */
  type BatchSource,
  /**
   * @since 0.1.0
   * @category batching
   */
  resolver
} from "./CacheRequests.js"
export {
  /**
   * @since 0.1.0
   * @category models
   */
  type CacheTag,
  /**
   * @since 0.1.0
   * @category services
   */
  Tag
} from "./CacheTag.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  CacheSchema
} from "./entry/CacheSchema.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  Compression
} from "./entry/Compression.js"
export {
  /**
   * @since 0.1.0
   * @category models
   */
  type Migration,
  /**
   * @since 0.1.0
   * @category migrations
   */
  migration
} from "./entry/Migration.js"
export {
  /**
   * @since 0.1.0
   * @category conditional lookups
   */
  NotModified,
  /**
   * @since 0.1.0
   * @category conditional lookups
   */
  notModified,
  /**
   * @since 0.1.0
   * @category conditional lookups
   */
  type Previous,
  /**
   * @since 0.1.0
   * @category conditional lookups
   */
  Versioned,
  /**
   * @since 0.1.0
   * @category conditional lookups
   */
  versioned
} from "./lookup/ConditionalLookup.js"
export {
  /**
   * @since 0.1.0
   * @category errors
   */
  LookupCycle
} from "./lookup/LoadGraph.js"
export {
  /**
   * @since 0.1.0
   * @category errors
   */
  LookupOverloaded,
  /**
   * @since 0.1.0
   * @category errors
   */
  LookupTimeout
} from "./lookup/LookupRunner.js"
export {
  /**
   * @since 0.1.0
   * @category batching
   */
  alignToKeys
} from "./lookup/LookupSource.js"
export {
  /**
   * @since 0.1.0
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
export {
  /**
   * @since 0.2.0
   * @category models
   */
  type FailureLog,
  /**
   * @since 0.2.0
   * @category constructors
   */
  make as makeFailureLog
} from "./observe/FailureLog.js"
export type {
  /**
   * @since 0.1.0
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
   * @since 0.1.0
   * @category models
   */
  RefreshAhead
} from "./read/RefreshAhead.js"
export {
  /**
   * @since 0.1.0
   * @category models
   */
  type WarmOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  type WarmProgress,
  /**
   * @since 0.1.0
   * @category errors
   */
  WarmStopped,
  /**
   * @since 0.1.0
   * @category models
   */
  type WarmSummary
} from "./read/Warming.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  LocalTierOptions
} from "./tiers/LocalTier.js"
