/**
 * Requests that stored responses do not answer, whatever is stored.
 *
 * @since 0.2.0
 */
import * as CacheControl from "../rules/CacheControl.js"
import type * as CacheStatus from "../rules/CacheStatus.js"
import * as Conditional from "../rules/Conditional.js"
import type * as FieldList from "../rules/FieldList.js"

/** Whether a request has content, which is in no key. */
const hasContent = (fields: FieldList.Fields): boolean =>
  (CacheControl.seconds(fields["content-length"]) ?? 0) > 0 || fields["transfer-encoding"] !== undefined

/**
 * Why a request goes to its origin; undefined where a stored response may answer it.
 *
 * @since 0.2.0
 * @category getters
 */
export const of = (
  method: string,
  fields: FieldList.Fields,
  directives: CacheControl.RequestDirectives
): CacheStatus.Handling | undefined => {
  if (method !== "GET" && method !== "HEAD") return { forwarded: "method" }
  if (directives.noStore) return { forwarded: "request", detail: "no-store" }
  if (fields.range !== undefined) return { forwarded: "bypass", detail: "range" }
  if (Conditional.needsOrigin(fields)) return { forwarded: "bypass", detail: "precondition" }
  if (fields.upgrade !== undefined) return { forwarded: "bypass", detail: "upgrade" }
  if (hasContent(fields)) return { forwarded: "bypass", detail: "content" }
  return undefined
}
