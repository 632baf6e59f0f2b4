/**
 * The `Cache-Control` field of requests and responses (RFC 9111, section 5.2), and the extensions of RFC 5861.
 *
 * @since 0.2.0
 */
import * as FieldList from "./FieldList.js"

/**
 * The directives of a request. Times are in seconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface RequestDirectives {
  readonly noStore: boolean
  readonly noCache: boolean
  readonly onlyIfCached: boolean
  readonly maxAge: number | undefined
  readonly minFresh: number | undefined
  /** infinite without an argument */
  readonly maxStale: number | undefined
}

/**
 * The directives of a response. Times are in seconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface ResponseDirectives {
  readonly noStore: boolean
  /** without field names: the whole response */
  readonly noCache: boolean
  /** the field names of a qualified `no-cache` */
  readonly noCacheFields: ReadonlyArray<string>
  readonly isPrivate: boolean
  /** the field names of a qualified `private` */
  readonly privateFields: ReadonlyArray<string>
  readonly isPublic: boolean
  readonly mustRevalidate: boolean
  readonly proxyRevalidate: boolean
  readonly mustUnderstand: boolean
  readonly maxAge: number | undefined
  readonly sharedMaxAge: number | undefined
  readonly staleWhileRevalidate: number | undefined
  readonly staleIfError: number | undefined
}

/** A directive with its argument; `undefined` without one. */
type Directives = ReadonlyMap<string, string | undefined>

/**
 * Parses the directives. Names are in lower case, and spaces around `=` are not removed: a directive that is written so is
 * unknown or has an invalid argument. Of a repeated directive the first counts (RFC 9111, section 4.2.1).
 */
const parse = (text: string | undefined): Directives => {
  const directives = new Map<string, string | undefined>()
  for (const member of FieldList.split(text)) {
    const equals = member.indexOf("=")
    const name = (equals < 0 ? member : member.slice(0, equals)).toLowerCase()
    if (!directives.has(name)) {
      directives.set(name, equals < 0 ? undefined : FieldList.unquote(member.slice(equals + 1)))
    }
  }
  return directives
}

/** the longest time in seconds that a cache must be able to represent (RFC 9111, section 1.2.2) */
const longest = 2 ** 31

/**
 * Parses delta-seconds (RFC 9111, section 1.2.2). Larger numbers become 2³¹. Undefined for any other text.
 *
 * @since 0.2.0
 * @category decoding
 */
export const seconds = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Math.min(Number(text), longest) : undefined

/** The argument of a directive. An invalid one is 0: what it says of freshness cannot be relied on. */
const time = (directives: Directives, name: string): number | undefined =>
  directives.has(name) ? (seconds(directives.get(name)) ?? 0) : undefined

/**
 * The directives of a request. `Pragma: no-cache` counts where there is no `Cache-Control` (RFC 9111, section 5.4).
 *
 * @since 0.2.0
 * @category decoding
 */
export const ofRequest = (fields: FieldList.Fields): RequestDirectives => {
  const text = fields["cache-control"]
  const directives = parse(text)
  const maxStale = directives.has("max-stale")
    ? directives.get("max-stale") === undefined
      ? Number.POSITIVE_INFINITY
      : time(directives, "max-stale")
    : undefined
  return {
    noStore: directives.has("no-store"),
    noCache: directives.has("no-cache") || (text === undefined && FieldList.names(fields.pragma).includes("no-cache")),
    onlyIfCached: directives.has("only-if-cached"),
    maxAge: time(directives, "max-age"),
    minFresh: time(directives, "min-fresh"),
    maxStale
  }
}

/**
 * The directives of a response.
 *
 * @since 0.2.0
 * @category decoding
 */
export const ofResponse = (fields: FieldList.Fields): ResponseDirectives => {
  const directives = parse(fields["cache-control"])
  /** whether a directive stands without field names, and its field names */
  const qualified = (name: string): readonly [isUnqualified: boolean, names: ReadonlyArray<string>] => {
    const names = FieldList.names(directives.get(name))
    return [directives.has(name) && names.length === 0, names]
  }
  const [noCache, noCacheFields] = qualified("no-cache")
  const [isPrivate, privateFields] = qualified("private")
  return {
    noStore: directives.has("no-store"),
    noCache,
    noCacheFields,
    isPrivate,
    privateFields,
    isPublic: directives.has("public"),
    mustRevalidate: directives.has("must-revalidate"),
    proxyRevalidate: directives.has("proxy-revalidate"),
    mustUnderstand: directives.has("must-understand"),
    maxAge: time(directives, "max-age"),
    sharedMaxAge: time(directives, "s-maxage"),
    staleWhileRevalidate: time(directives, "stale-while-revalidate"),
    staleIfError: time(directives, "stale-if-error")
  }
}
