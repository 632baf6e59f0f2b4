/**
 * The main entry point: one namespace per module. Every module needs `effect` only and runs on Bun and on Node.
 *
 * Each other entry point has one purpose. `/BunRedis` connects to a server, `/driver` is for the authors of drivers,
 * `/testing` is for tests. `/http` is for routers of `@effect/platform`, `/game` and `/game/SqlDatabase` hold the
 * example domain.
 *
 * @since 0.2.0
 */
import "./internal/EffectVersion.js"

/**
 * Turns values into stored text and back.
 *
 * @since 0.1.0
 */
export * as CacheCodec from "./cache/entry/CacheCodec.js"

/**
 * Holds the keys that encrypt stored values.
 *
 * @since 0.1.0
 */
export * as Encryption from "./cache/entry/Encryption.js"

/**
 * Caches values of one type in the memory of the process, and loads missing values by a lookup.
 *
 * @since 0.2.0
 */
export * as LocalCache from "./cache/LocalCache.js"
/**
 * Caches values of one type in memory and in Redis, and loads missing values by a lookup.
 *
 * @since 0.1.0
 */
export * as TypedCache from "./cache/TypedCache.js"
/**
 * Counts a number across processes.
 *
 * @since 0.1.0
 */
export * as Counter from "./coordination/Counter.js"
/**
 * Grants a lock to at most one holder across processes.
 *
 * @since 0.1.0
 */
export * as DistributedLock from "./coordination/DistributedLock.js"
/**
 * Grants a limited number of permits across processes.
 *
 * @since 0.1.0
 */
export * as DistributedSemaphore from "./coordination/DistributedSemaphore.js"
/**
 * Ranks members by score. Equal scores rank by arrival.
 *
 * @since 0.1.0
 */
export * as Leaderboard from "./coordination/Leaderboard.js"
/**
 * Tracks the members that are online by heartbeat.
 *
 * @since 0.1.0
 */
export * as Presence from "./coordination/Presence.js"
/**
 * Limits how often a key may be used, across processes.
 *
 * @since 0.1.0
 */
export * as RateLimiter from "./coordination/RateLimiter.js"
/**
 * Provides a `RedisClient` over a keyspace in memory, for tests and for programs without a server.
 *
 * @since 0.1.0
 */
export * as MemoryRedis from "./redis/memory/MemoryRedis.js"
/**
 * Sends commands, runs scripts and subscribes to channels.
 *
 * @since 0.1.0
 */
export * as RedisClient from "./redis/RedisClient.js"
/**
 * Reads the address of the server and its login from the environment.
 *
 * @since 0.1.0
 */
export * as RedisConfig from "./redis/RedisConfig.js"
/**
 * Defines the errors of commands, by what the caller may conclude from each.
 *
 * @since 0.1.0
 */
export * as RedisError from "./redis/RedisError.js"
/**
 * Builds keys from ids that cannot escape their prefix.
 *
 * @since 0.1.0
 */
export * as RedisKey from "./redis/RedisKey.js"
/**
 * Defines atomic operations: Lua for a server, a pure model for memory.
 *
 * @since 0.1.0
 */
export * as RedisScript from "./redis/RedisScript.js"
/**
 * Describes the state of a connection.
 *
 * @since 0.1.0
 */
export * as RedisStatus from "./redis/RedisStatus.js"
/**
 * Repeats commands that are safe to repeat.
 *
 * @since 0.1.0
 */
export * as RetryPolicy from "./redis/RetryPolicy.js"
/**
 * Changes options of caches while they run, in all processes.
 *
 * @since 0.2.0
 */
export * as RuntimeSettings from "./settings/RuntimeSettings.js"
