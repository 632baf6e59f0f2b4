/**
 * The entry point `/game`: the example domain, players of a game whose profiles, balances and statistics are cached.
 *
 * @since 0.2.0
 */
import "./internal/EffectVersion.js"

/**
 * Sets how long each kind of value stays in the cache.
 *
 * @since 0.1.0
 */
export * as CacheConfig from "./game/CacheConfig.js"

/**
 * Caches profiles, balances, statistics and game states, and counts players, games and requests.
 *
 * @since 0.1.0
 */
export * as CacheService from "./game/CacheService.js"

/**
 * Defines the source of truth of the game.
 *
 * @since 0.1.0
 */
export * as Database from "./game/Database.js"

/**
 * Implements `Database` in memory.
 *
 * @since 0.1.0
 */
export * as MemoryDatabase from "./game/database/MemoryDatabase.js"

/**
 * Defines the schemas of the game.
 *
 * @since 0.1.0
 */
export * as Player from "./game/Player.js"

/**
 * Defines the typed caches of the game and their lookups.
 *
 * @since 0.1.0
 */
export * as PlayerCaches from "./game/PlayerCaches.js"

/**
 * Reads and writes players through the cache and the database.
 *
 * @since 0.1.0
 */
export * as PlayerService from "./game/PlayerService.js"
