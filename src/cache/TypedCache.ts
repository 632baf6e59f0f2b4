/**
 * The cache engine's face: values of one type under typed keys, in this process and in Redis, loaded by a lookup.
 *
 * It never serves what it was told to forget, never fails because Redis does, and runs one lookup per key: the rules are
 * in docs/protocol.md.
 *
 * @since 0.1.0
 */

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  TestCache
} from "../testing/TestCache.js"
export {
  /**
   * @since 0.1.0
   * @category errors
   */
  type EngineError,
  /**
   * @since 0.1.0
   * @category models
   */
  type ManyOptions,
  /**
   * @since 0.1.0
   * @category constructors
   */
  make,
  /**
   * @since 0.1.0
   * @category models
   */
  type TypedCache
} from "./Cache.js"
export type {
  /**
   * @since 0.1.0
   * @category models
   */
  CacheDefinition,
  /**
   * @since 0.1.0
   * @category models
   */
  LookupOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  Options
} from "./CacheOptions.js"
export {
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
   * @category models
   */
  type LayerOptions,
  /**
   * @since 0.1.0
   * @category services
   */
  Tag,
  /**
   * @since 0.1.0
   * @category models
   */
  type TestOf
} from "./CacheTag.js"
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
export type {
  /**
   * @since 0.1.0
   * @category models
   */
  CacheResult
} from "./read/CacheResult.js"
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
