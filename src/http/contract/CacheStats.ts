/**
 * What the caches counted, as the API tells it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The guide's four numbers, and those of all caches together.
 *
 * @since 0.1.0
 * @category models
 */
export const CacheSummary = Schema.Struct({
  available: Schema.Boolean,
  connected: Schema.Boolean,
  onlinePlayers: Schema.Int,
  activeGames: Schema.Int,
  hits: Schema.Int,
  misses: Schema.Int,
  decodeFailures: Schema.Int,
  failures: Schema.Int.annotations({ description: "operations that Redis failed" })
}).annotations({ identifier: "CacheSummary" })

const Latency = Schema.Struct({
  count: Schema.Int,
  mean: Schema.Number,
  p50: Schema.Number,
  p99: Schema.Number,
  max: Schema.Number
})

const Cache = Schema.Struct({
  name: Schema.String,
  hitsLocal: Schema.Int.annotations({ description: "answered by this process" }),
  hitsRedis: Schema.Int,
  misses: Schema.Int,
  staleServed: Schema.Int,
  degraded: Schema.Int.annotations({ description: "answered by the database because Redis could not be used" }),
  lookups: Schema.Int,
  lookupFailures: Schema.Int,
  lookupsRefused: Schema.Int.annotations({ description: "too many were under way without Redis" }),
  decodeFailures: Schema.Int,
  storeFailures: Schema.Int.annotations({ description: "values that their schema kept from being stored" }),
  leaseWaits: Schema.Int.annotations({ description: "times that another process's lookup was waited for" }),
  fillsRefused: Schema.Int.annotations({ description: "values invalidated while they were looked up" }),
  invalidations: Schema.Int,
  redisFailures: Schema.Int,
  evictions: Schema.Int,
  local: Schema.Int.annotations({ description: "values in this process now" }),
  outbox: Schema.Int.annotations({ description: "invalidations that Redis has not taken yet" }),
  redisLatency: Latency.annotations({ description: "of reads from Redis, in milliseconds" }),
  lookupLatency: Latency.annotations({ description: "of lookups, in milliseconds" })
}).annotations({ identifier: "Cache" })

/**
 * The summary and each cache, counted since the start.
 *
 * @since 0.1.0
 * @category models
 */
export const CacheStats = Schema.Struct({ ...CacheSummary.fields, caches: Schema.Array(Cache) }).annotations({
  identifier: "CacheStats"
})
