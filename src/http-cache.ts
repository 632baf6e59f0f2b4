/**
 * The entry point `/http-cache`: caches of HTTP responses, for servers and clients of `@effect/platform`.
 *
 * @since 0.2.0
 */
import "./internal/EffectVersion.js"

/**
 * Caches the responses that a client gets.
 *
 * @since 0.2.0
 */
export * as CachedHttpClient from "./http/cache/CachedHttpClient.js"
/**
 * Caches the responses of a server.
 *
 * @since 0.2.0
 */
export * as ResponseCache from "./http/cache/ResponseCache.js"
