/**
 * Whether a stored response answers a request (RFC 9111, sections 4 and 5.2.1, and RFC 5861).
 *
 * @since 0.2.0
 */
import type { RequestDirectives } from "./CacheControl.js"
import type { Freshness } from "./Freshness.js"
import * as FreshnessOf from "./Freshness.js"

/**
 * What is done with a stored response.
 *
 * - `Serve`: it answers the request, fresh or as stale as the client accepts.
 * - `ServeAndRevalidate`: it answers the request, and is revalidated in the background.
 * - `Revalidate`: it is revalidated first. `mayServeOnError`: it answers the request if that fails.
 *
 * @since 0.2.0
 * @category models
 */
export type Reuse =
  | { readonly _tag: "Serve" }
  | { readonly _tag: "ServeAndRevalidate" }
  | { readonly _tag: "Revalidate"; readonly because: "request" | "stale"; readonly mayServeOnError: boolean }

const serve: Reuse = { _tag: "Serve" }
const serveAndRevalidate: Reuse = { _tag: "ServeAndRevalidate" }

/**
 * Decides on a stored response of this age in seconds.
 *
 * @since 0.2.0
 * @category constructors
 */
export const decide = (request: RequestDirectives, freshness: Freshness, age: number): Reuse => {
  const left = FreshnessOf.left(freshness, age)
  const staleness = -left
  const mayBeStale = !freshness.mustRevalidate && !freshness.noCache
  const mayServeOnError = mayBeStale && freshness.staleIfError > 0 && staleness < freshness.staleIfError
  const revalidate = (because: "request" | "stale"): Reuse => ({ _tag: "Revalidate", because, mayServeOnError })
  if (request.noCache) return revalidate("request")
  if (freshness.noCache) return revalidate("stale")
  if (request.maxAge !== undefined && age > request.maxAge) return revalidate("request")
  if (request.minFresh !== undefined && left < request.minFresh) return revalidate("request")
  if (left > 0) return serve
  if (!mayBeStale) return revalidate("stale")
  if (request.maxStale !== undefined && staleness <= request.maxStale) return serve
  // a client that limits the age accepts nothing stale, unless it says so
  if (request.maxAge === undefined && staleness < freshness.staleWhileRevalidate) return serveAndRevalidate
  return revalidate("stale")
}

/** The statuses that RFC 5861 counts as errors. */
const errors: ReadonlySet<number> = new Set([500, 502, 503, 504])

/**
 * Whether a response is an error in whose place a stale one may be served.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isError = (status: number): boolean => errors.has(status)
