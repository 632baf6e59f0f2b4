/**
 * The statistics of `CacheService` in this process, as schemas that the HTTP API answers.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import { CacheStats } from "../cache/observe/CacheStats.js"

/**
 * Totals over all caches since the start, and the current counters of the game.
 *
 * @since 0.2.0
 * @category models
 */
export const CacheSummary = Schema.Struct({
  available: Schema.Boolean.annotations({ description: "whether Redis accepts commands now" }),
  connected: Schema.Boolean,
  onlinePlayers: Schema.Int,
  activeGames: Schema.Int,
  hits: Schema.Int.annotations({ description: "reads answered by a cache, fresh or stale" }),
  misses: Schema.Int,
  decodeFailures: Schema.Int.annotations({ description: "stored values that did not decode; each is also a miss" }),
  failures: Schema.Int.annotations({ description: "operations that Redis failed" })
}).annotations({ identifier: "CacheSummary" })

/**
 * The totals and the statistics of each cache.
 *
 * @since 0.2.0
 * @category models
 */
export const CacheServiceStats = Schema.Struct({
  ...CacheSummary.fields,
  caches: Schema.Array(CacheStats)
}).annotations({ identifier: "CacheServiceStats" })

/**
 * @since 0.2.0
 * @category models
 */
export interface CacheServiceStats extends Schema.Schema.Type<typeof CacheServiceStats> {}
