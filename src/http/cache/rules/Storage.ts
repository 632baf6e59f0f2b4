/**
 * Which responses a cache may store, and which of their fields (RFC 9111, sections 3 to 3.5).
 *
 * @since 0.2.0
 */
import * as CacheControl from "./CacheControl.js"
import * as Conditional from "./Conditional.js"
import * as FieldList from "./FieldList.js"
import * as Freshness from "./Freshness.js"
import * as Vary from "./Vary.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface StorageOptions {
  readonly isShared: boolean
  /** stores responses that set cookies */
  readonly setCookie: boolean
  /** whether a validator is enough, where the response says nothing of its freshness */
  readonly validatorSuffices: boolean
}

/**
 * Why a response is not stored: one word, for `Cache-Status`.
 *
 * @since 0.2.0
 * @category models
 */
export type Refusal = "no-store" | "private" | "authorization" | "set-cookie" | "vary" | "status" | "no-freshness"

/** The final status codes that RFC 9110 defines, whose responses a cache can store as a whole. */
const understood: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415, 421,
  422, 426, 500, 501, 502, 503, 504, 505
])

/**
 * Why a response to a GET may not be stored, or would be of no use; undefined when it is stored.
 *
 * @since 0.2.0
 * @category predicates
 */
export const refusal = (
  request: FieldList.Fields,
  response: { readonly status: number; readonly fields: FieldList.Fields; readonly setsCookie: boolean },
  freshness: Freshness.Freshness,
  { isShared, setCookie, validatorSuffices }: StorageOptions
): Refusal | undefined => {
  const { fields, setsCookie, status } = response
  const directives = CacheControl.ofResponse(fields)
  // partial content and 304 say nothing of a whole response, and an interim response is none
  if (status < 200 || status > 599 || status === 206 || status === 304) return "status"
  if (directives.mustUnderstand ? !understood.has(status) : directives.noStore) return "no-store"
  if (isShared && directives.isPrivate) return "private"
  if (
    isShared &&
    request.authorization !== undefined &&
    !directives.isPublic &&
    !directives.mustRevalidate &&
    directives.sharedMaxAge === undefined
  ) {
    return "authorization"
  }
  if (setsCookie && !setCookie) return "set-cookie"
  if (Vary.fieldsOf(fields) === "*") return "vary"
  const isExplicit = Freshness.isExplicit(directives, fields, isShared)
  if (!isExplicit && !directives.isPublic && !directives.noCache && !Freshness.isHeuristicStatus(status)) {
    return "no-freshness"
  }
  // a response that arrives stale is stored too, for clients that accept it with max-stale
  const isServedLater =
    freshness.lifetime > 0 || (isExplicit && (freshness.staleWhileRevalidate > 0 || freshness.staleIfError > 0))
  const isRevalidated = Conditional.hasValidator(fields) && (validatorSuffices || isExplicit || directives.noCache)
  return isServedLater || isRevalidated ? undefined : "no-freshness"
}

/** Fields of one connection (RFC 9110, section 7.6.1), of proxies, and of this cache: never stored. */
const ofConnection: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "set-cookie"
])

/**
 * The fields that are stored, without those of the connection and those that `Connection` lists. A qualified `no-cache` takes
 * out the fields that it names, and in a shared cache so does `private`. Cookies are kept apart.
 *
 * @since 0.2.0
 * @category combinators
 */
export const storedFields = (fields: FieldList.Fields, isShared: boolean): Record<string, string> => {
  const { noCacheFields, privateFields } = CacheControl.ofResponse(fields)
  const left = new Set([...FieldList.names(fields.connection), ...noCacheFields, ...(isShared ? privateFields : [])])
  const stored: Record<string, string> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && !ofConnection.has(name) && !left.has(name)) stored[name] = value
  }
  return stored
}
