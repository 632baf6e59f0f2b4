/**
 * The entry point `/http`: middleware, probes and response headers for a router of `@effect/platform`.
 *
 * @since 0.2.0
 */
import "./internal/EffectVersion.js"

/**
 * Keeps a client within the limits of the APIs that it calls.
 *
 * @since 0.2.0
 */
export * as RemoteLimit from "./http/client/RemoteLimit.js"
/**
 * Shows and operates the caches of a program on a page.
 *
 * @since 0.2.0
 */
export * as Dashboard from "./http/dashboard/Dashboard.js"
/**
 * Reports a cached read in the `Cache-Status` header (RFC 9211).
 *
 * @since 0.2.0
 */
export * as CacheStatus from "./http/router/CacheStatus.js"
/**
 * Ends a server without losing a request.
 *
 * @since 0.2.0
 */
export * as DrainingServer from "./http/router/DrainingServer.js"
/**
 * Answers the probes of Kubernetes on a router.
 *
 * @since 0.2.0
 */
export * as HealthProbes from "./http/router/HealthProbes.js"
/**
 * Reports a rate limit in the `RateLimit` headers.
 *
 * @since 0.2.0
 */
export * as RateLimitHeaders from "./http/router/RateLimitHeaders.js"

/**
 * Limits how many requests each client may send to a router.
 *
 * @since 0.2.0
 */
export * as RateLimitMiddleware from "./http/router/RateLimitMiddleware.js"
