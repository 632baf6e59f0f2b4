/**
 * The library's face: one namespace per public module, all of which run on any runtime. What needs Bun or an optional peer
 * has a path of its own: `effect-cache-toolkit/redis/driver/BunRedis`, `effect-cache-toolkit/game/database/SqlDatabase`.
 *
 * @since 0.1.0
 */

/**
 * Values and the text that stands for them in the cache.
 *
 * @since 0.1.0
 */
export * as CacheCodec from "./cache/entry/CacheCodec.js"

/**
 * The keys that stored values are encrypted with.
 *
 * @since 0.1.0
 */
export * as Encryption from "./cache/entry/Encryption.js"

/**
 * Typed values, cached in this process and in Redis, and looked up when they are in neither.
 *
 * @since 0.1.0
 */
export * as TypedCache from "./cache/TypedCache.js"

/**
 * A number that many processes count together.
 *
 * @since 0.1.0
 */
export * as Counter from "./coordination/Counter.js"

/**
 * At most one holder at a time among all processes.
 *
 * @since 0.1.0
 */
export * as DistributedLock from "./coordination/DistributedLock.js"

/**
 * At most so many holders at a time among all processes.
 *
 * @since 0.1.0
 */
export * as DistributedSemaphore from "./coordination/DistributedSemaphore.js"

/**
 * Members ranked by their scores, and of equal ones by who came first.
 *
 * @since 0.1.0
 */
export * as Leaderboard from "./coordination/Leaderboard.js"

/**
 * Who is online, by heartbeat.
 *
 * @since 0.1.0
 */
export * as Presence from "./coordination/Presence.js"

/**
 * How often something may happen, counted for all processes together.
 *
 * @since 0.1.0
 */
export * as RateLimiter from "./coordination/RateLimiter.js"

/**
 * How long each kind of the game's values stays in the cache.
 *
 * @since 0.1.0
 */
export * as CacheConfig from "./game/CacheConfig.js"

/**
 * The guide's cache of profiles, balances, statistics, game states, counters and rate limits.
 *
 * @since 0.1.0
 */
export * as CacheService from "./game/CacheService.js"

/**
 * The game's source of truth.
 *
 * @since 0.1.0
 */
export * as Database from "./game/Database.js"

/**
 * The game's database inside the process.
 *
 * @since 0.1.0
 */
export * as MemoryDatabase from "./game/database/MemoryDatabase.js"

/**
 * The game's domain as schemas.
 *
 * @since 0.1.0
 */
export * as Player from "./game/Player.js"

/**
 * The game's caches, each with the lookup that loads it.
 *
 * @since 0.1.0
 */
export * as PlayerCaches from "./game/PlayerCaches.js"

/**
 * The guide's patterns over the game's cache and database.
 *
 * @since 0.1.0
 */
export * as PlayerService from "./game/PlayerService.js"

/**
 * Refusing commands at once while most of them fail anyway.
 *
 * @since 0.1.0
 */
export * as CircuitBreaker from "./redis/connection/CircuitBreaker.js"
/**
 * A driver's connections with supervision, timeouts and bounds.
 *
 * @since 0.1.0
 */
export * as SupervisedExecutor from "./redis/connection/SupervisedExecutor.js"
/**
 * Redis inside the process: for tests, and for programs without a server.
 *
 * @since 0.1.0
 */
export * as MemoryRedis from "./redis/memory/MemoryRedis.js"
/**
 * The service that talks to Redis.
 *
 * @since 0.1.0
 */
export * as RedisClient from "./redis/RedisClient.js"
/**
 * The typed commands on an executor.
 *
 * @since 0.1.0
 */
export * as RedisCommands from "./redis/RedisCommands.js"
/**
 * Where the server is and how to log in.
 *
 * @since 0.1.0
 */
export * as RedisConfig from "./redis/RedisConfig.js"
/**
 * What a driver implements.
 *
 * @since 0.1.0
 */
export * as RedisConnection from "./redis/RedisConnection.js"

/**
 * What can go wrong with a command, by what the caller may conclude.
 *
 * @since 0.1.0
 */
export * as RedisError from "./redis/RedisError.js"

/**
 * What a `RedisClient` is made of.
 *
 * @since 0.1.0
 */
export * as RedisExecutor from "./redis/RedisExecutor.js"

/**
 * Keys in which an input is an id and nothing else.
 *
 * @since 0.1.0
 */
export * as RedisKey from "./redis/RedisKey.js"

/**
 * Atomic operations: Lua for the server, a pure model for memory.
 *
 * @since 0.1.0
 */
export * as RedisScript from "./redis/RedisScript.js"

/**
 * What a client says of its connection.
 *
 * @since 0.1.0
 */
export * as RedisStatus from "./redis/RedisStatus.js"

/**
 * Repeating commands without applying one twice by mistake.
 *
 * @since 0.1.0
 */
export * as RetryPolicy from "./redis/RetryPolicy.js"
/**
 * Redis inside the process behind a connection that a test breaks.
 *
 * @since 0.1.0
 */
export * as TestRedis from "./testing/TestRedis.js"
