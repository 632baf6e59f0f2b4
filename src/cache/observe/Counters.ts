/**
 * The counts of a cache, as numbers that are added to in place.
 *
 * @since 0.2.0
 */
import type { CacheStats } from "./CacheStats.js"

/**
 * The counts that CacheObserver keeps.
 *
 * @since 0.1.0
 * @category models
 */
export type Counters = {
  -readonly [Name in Exclude<
    keyof CacheStats,
    "name" | "evictions" | "local" | "localBytes" | "outbox" | "tracking" | "redisLatency" | "lookupLatency"
  >]: CacheStats[Name]
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Counters => ({
  hitsLocal: 0,
  hitsRedis: 0,
  misses: 0,
  missesExpired: 0,
  missesInvalidated: 0,
  staleServed: 0,
  degraded: 0,
  lookups: 0,
  lookupFailures: 0,
  lookupsRejected: 0,
  lookupsSaved: 0,
  decodeFailures: 0,
  storeFailures: 0,
  leaseWaits: 0,
  fillsRejected: 0,
  invalidations: 0,
  redisFailures: 0
})
