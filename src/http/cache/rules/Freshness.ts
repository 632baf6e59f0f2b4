/**
 * How long a response is fresh, how old it is, and how it may be served afterwards (RFC 9111, section 4.2, and RFC 5861).
 *
 * @since 0.2.0
 */
import * as CacheControl from "./CacheControl.js"
import * as FieldList from "./FieldList.js"
import * as HttpDate from "./HttpDate.js"

/**
 * Freshness that is estimated from `Last-Modified` where the response says nothing (RFC 9111, section 4.2.2).
 *
 * @since 0.2.0
 * @category models
 */
export interface Heuristic {
  /** the share of the time since the last change, from 0 to 1 */
  readonly fraction: number
  /** in seconds */
  readonly longest: number
}

/**
 * What a cache keeps of a response besides its content. Times are in seconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Freshness {
  /** the age of the response when it was received */
  readonly initialAge: number
  readonly lifetime: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  /** `no-cache`: never served without a successful revalidation */
  readonly noCache: boolean
  /** never served stale */
  readonly mustRevalidate: boolean
}

/**
 * @since 0.2.0
 * @category models
 */
export interface FreshnessOptions {
  /** `s-maxage` and `proxy-revalidate` are for shared caches */
  readonly isShared: boolean
  readonly heuristic: Heuristic | undefined
  /** for responses without a directive of their own, in seconds */
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
}

/** The status codes whose responses may have heuristic freshness (RFC 9110, section 15.1), without 206. */
const heuristicStatuses: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

/**
 * Whether a response of this status may be stored without explicit freshness.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isHeuristicStatus = (status: number): boolean => heuristicStatuses.has(status)

/**
 * The age that the first member of `Age` names, in seconds; 0 where that is no number (RFC 9111, section 5.1).
 */
const ageValue = (fields: FieldList.Fields): number => CacheControl.seconds(FieldList.split(fields.age)[0]) ?? 0

/**
 * Whether the response says itself how long it is fresh.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isExplicit = (
  directives: CacheControl.ResponseDirectives,
  fields: FieldList.Fields,
  isShared: boolean
): boolean =>
  directives.maxAge !== undefined || fields.expires !== undefined || (isShared && directives.sharedMaxAge !== undefined)

const lifetimeOf = (
  status: number,
  fields: FieldList.Fields,
  directives: CacheControl.ResponseDirectives,
  receivedAt: number,
  { heuristic, isShared }: FreshnessOptions
): number => {
  if (isShared && directives.sharedMaxAge !== undefined) return directives.sharedMaxAge
  if (directives.maxAge !== undefined) return directives.maxAge
  const date = HttpDate.parse(fields.date, receivedAt) ?? receivedAt
  if (fields.expires !== undefined) {
    // an invalid date, such as 0, is in the past (RFC 9111, section 5.3)
    const expires = HttpDate.parse(fields.expires, receivedAt)
    return expires === undefined ? 0 : Math.max(0, (expires - date) / 1000)
  }
  if (heuristic === undefined || !(isHeuristicStatus(status) || directives.isPublic)) return 0
  const modified = HttpDate.parse(fields["last-modified"], receivedAt)
  if (modified === undefined) return 0
  return Math.min(heuristic.longest, Math.max(0, ((date - modified) / 1000) * heuristic.fraction))
}

/**
 * The freshness of a response that was requested at `requestedAt` and received at `receivedAt`, in milliseconds. The initial
 * age counts from the request: the time that the response took is part of the time that it is in the cache.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  response: { readonly status: number; readonly fields: FieldList.Fields },
  receivedAt: number,
  options: FreshnessOptions
): Freshness => {
  const { fields, status } = response
  const directives = CacheControl.ofResponse(fields)
  const date = HttpDate.parse(fields.date, receivedAt) ?? receivedAt
  // a date has no fractions, so that they would count as age
  const apparentAge = Math.max(0, Math.floor((receivedAt - date) / 1000))
  return {
    initialAge: Math.max(apparentAge, ageValue(fields)),
    lifetime: lifetimeOf(status, fields, directives, receivedAt, options),
    staleWhileRevalidate: directives.staleWhileRevalidate ?? options.staleWhileRevalidate,
    staleIfError: directives.staleIfError ?? options.staleIfError,
    noCache: directives.noCache,
    mustRevalidate:
      directives.mustRevalidate ||
      (options.isShared && (directives.proxyRevalidate || directives.sharedMaxAge !== undefined))
  }
}

/**
 * The seconds that a response of this age is still fresh; negative once it is stale.
 *
 * @since 0.2.0
 * @category getters
 */
export const left = ({ lifetime }: Pick<Freshness, "lifetime">, age: number): number => lifetime - age
