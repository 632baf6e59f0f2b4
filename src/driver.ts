/**
 * The entry point `/driver`: what a driver or a `RedisClient` layer of another kind is built from.
 *
 * @since 0.2.0
 */
import "./internal/EffectVersion.js"

/**
 * Rejects commands at once while most of them fail.
 *
 * @since 0.1.0
 */
export * as CircuitBreaker from "./redis/connection/CircuitBreaker.js"
/**
 * Runs the connections of a driver with reconnection, time-outs and bounds.
 *
 * @since 0.1.0
 */
export * as SupervisedExecutor from "./redis/connection/SupervisedExecutor.js"
/**
 * Gives the replies of RESP2 the shapes of RESP3, which a driver promises.
 *
 * @since 0.2.0
 */
export * as Resp2Reply from "./redis/driver/Resp2Reply.js"
/**
 * Builds the typed commands of a `RedisClient` on an executor.
 *
 * @since 0.1.0
 */
export * as RedisCommands from "./redis/RedisCommands.js"
/**
 * Defines the interface that a driver implements.
 *
 * @since 0.1.0
 */
export * as RedisConnection from "./redis/RedisConnection.js"
/**
 * Defines the few operations that a `RedisClient` is built on.
 *
 * @since 0.1.0
 */
export * as RedisExecutor from "./redis/RedisExecutor.js"
/**
 * Connects any driver to the primary that sentinels name.
 *
 * @since 0.2.0
 */
export * as Sentinel from "./redis/topology/Sentinel.js"
