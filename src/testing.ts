/**
 * The entry point `/testing`: test doubles for the tests of an application.
 *
 * @since 0.2.0
 */
import "./internal/EffectVersion.js"

/**
 * Lets a share of commands, messages and lookups fail, be late or vanish.
 *
 * @since 0.2.0
 */
export * as Chaos from "./testing/Chaos.js"

/**
 * Plays an application's traffic through sets of options, and says what each would do.
 *
 * @since 0.2.0
 */
export * as Simulator from "./testing/Simulator.js"

/**
 * Builds a cache over Redis in memory and a source in memory.
 *
 * @since 0.2.0
 */
export * as TestCache from "./testing/TestCache.js"

/**
 * Provides Redis in memory behind a connection that a test can break.
 *
 * @since 0.1.0
 */
export * as TestRedis from "./testing/TestRedis.js"
