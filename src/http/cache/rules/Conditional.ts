/**
 * Conditional requests: answering those of clients, and revalidating a stored response (RFC 9110, section 13, and RFC 9111,
 * section 4.3).
 *
 * @since 0.2.0
 */
import * as FieldList from "./FieldList.js"
import * as HttpDate from "./HttpDate.js"

/** An entity tag without its weakness flag, for the weak comparison. Quotes that are missing are added. */
const opaque = (tag: string): string => {
  const text = tag.replace(/^W\//, "")
  return text.startsWith('"') ? text : `"${text}"`
}

/**
 * Whether a request that has `If-None-Match` or `If-Modified-Since` already has this response, so that the answer is 304. The
 * first takes precedence, and compares weakly. A response without `Last-Modified` was changed at its `Date`.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isNotModified = (request: FieldList.Fields, response: FieldList.Fields, now: number): boolean => {
  const ifNoneMatch = request["if-none-match"]
  if (ifNoneMatch !== undefined) {
    const tags = FieldList.split(ifNoneMatch)
    if (tags.includes("*")) return true
    const etag = response.etag
    return etag !== undefined && tags.some((tag) => opaque(tag) === opaque(etag))
  }
  const since = HttpDate.parse(request["if-modified-since"], now)
  if (since === undefined) return false
  const modified = HttpDate.parse(response["last-modified"] ?? response.date, now)
  return modified !== undefined && modified <= since
}

/** The fields of a request that a cache answers itself. */
const preconditions = ["if-none-match", "if-modified-since"] as const

/**
 * The fields of a request for a whole response, with the validators of a stored one where it has any.
 *
 * @since 0.2.0
 * @category combinators
 */
export const withValidators = <Value extends FieldList.Fields>(
  request: Value,
  stored: FieldList.Fields | undefined
): Record<string, string> => {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(request)) {
    if (value !== undefined && !preconditions.some((precondition) => precondition === name)) fields[name] = value
  }
  const etag = stored?.etag
  const modified = stored?.["last-modified"]
  if (etag !== undefined) fields["if-none-match"] = etag
  if (modified !== undefined) fields["if-modified-since"] = modified
  return fields
}

/**
 * Whether a response can be revalidated.
 *
 * @since 0.2.0
 * @category predicates
 */
export const hasValidator = (response: FieldList.Fields): boolean =>
  response.etag !== undefined || response["last-modified"] !== undefined

/**
 * Whether a request has a precondition or a range that only the origin can judge.
 *
 * @since 0.2.0
 * @category predicates
 */
export const needsOrigin = (request: FieldList.Fields): boolean =>
  request.range !== undefined ||
  request["if-match"] !== undefined ||
  request["if-unmodified-since"] !== undefined ||
  request["if-range"] !== undefined

/** The fields that describe the stored content: a 304 does not carry that content (RFC 9111, section 3.2). */
const ofContent: ReadonlySet<string> = new Set(["content-length", "content-encoding", "content-type", "content-range"])

/**
 * The fields of a stored response, updated by those of a 304 (RFC 9111, section 3.2).
 *
 * @since 0.2.0
 * @category combinators
 */
export const updated = (stored: FieldList.Fields, notModified: FieldList.Fields): Record<string, string> => {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(stored)) {
    // the age of the stored response has ended with its revalidation
    if (value !== undefined && name !== "age") fields[name] = value
  }
  for (const [name, value] of Object.entries(notModified)) {
    if (value !== undefined && !ofContent.has(name)) fields[name] = value
  }
  return fields
}

/** The fields that a 304 carries (RFC 9110, section 15.4.5), and those of this cache. */
const ofNotModified = [
  "age",
  "cache-control",
  "cache-status",
  "content-location",
  "date",
  "etag",
  "expires",
  "last-modified",
  "vary"
]

/**
 * The fields of the 304 that stands for a response.
 *
 * @since 0.2.0
 * @category combinators
 */
export const notModifiedFields = (response: FieldList.Fields): Record<string, string> => {
  const fields: Record<string, string> = {}
  for (const name of ofNotModified) {
    const value = response[name]
    if (value !== undefined) fields[name] = value
  }
  return fields
}
