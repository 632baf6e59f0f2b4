/**
 * The member of `Cache-Status` that says how a cache handled a request (RFC 9211).
 *
 * @since 0.2.0
 */

/**
 * How a request was handled. Times are in seconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Handling {
  /** whether the response came from the cache, without a request to the origin before */
  readonly hit?: boolean | undefined
  /** why the request was forwarded */
  readonly forwarded?: "bypass" | "method" | "uri-miss" | "vary-miss" | "miss" | "request" | "stale" | undefined
  /** the status of the origin's response, where the client gets another */
  readonly forwardedStatus?: number | undefined
  /** the freshness that is left; negative for a stale response */
  readonly timeLeft?: number | undefined
  readonly stored?: boolean | undefined
  /** whether the request waited for the response to another one */
  readonly collapsed?: boolean | undefined
  readonly detail?: string | undefined
}

/** A token of a structured field (RFC 9651), or a string of printable ASCII. */
const item = (text: string): string =>
  /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/.test(text)
    ? text
    : `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`

/**
 * Formats the member of the cache with this name.
 *
 * @since 0.2.0
 * @category encoding
 */
export const format = (name: string, handling: Handling): string => {
  const { collapsed, detail, forwarded, forwardedStatus, hit, stored, timeLeft } = handling
  return [
    item(name),
    hit === true ? "hit" : undefined,
    forwarded === undefined ? undefined : `fwd=${forwarded}`,
    forwardedStatus === undefined ? undefined : `fwd-status=${forwardedStatus}`,
    timeLeft === undefined || !Number.isFinite(timeLeft) ? undefined : `ttl=${Math.floor(timeLeft)}`,
    stored === true ? "stored" : undefined,
    collapsed === true ? "collapsed" : undefined,
    detail === undefined ? undefined : `detail=${item(detail)}`
  ]
    .filter((part) => part !== undefined)
    .join("; ")
}
