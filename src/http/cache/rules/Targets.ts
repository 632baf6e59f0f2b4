/**
 * What a request that changes something invalidates (RFC 9111, section 4.4).
 *
 * @since 0.2.0
 */
import type * as FieldList from "./FieldList.js"

/** The methods that change nothing (RFC 9110, section 9.2.1). */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"])

/**
 * Whether a request may change a resource.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isUnsafe = (method: string): boolean => !safeMethods.has(method)

/** Parses a URI reference; undefined when it is none. */
const resolve = (reference: string, base: URL): URL | undefined => {
  try {
    return new URL(reference, base)
  } catch {
    return undefined
  }
}

/**
 * The URLs whose stored responses a successful request invalidates: its own, and those of `Location` and `Content-Location` of
 * the same origin. Without any when the request has failed.
 *
 * @since 0.2.0
 * @category getters
 */
export const invalidated = (
  url: URL,
  response: { readonly status: number; readonly fields: FieldList.Fields }
): ReadonlyArray<URL> => {
  if (response.status < 200 || response.status >= 400) return []
  const { fields } = response
  const named = [fields.location, fields["content-location"]].flatMap((reference) => {
    const target = reference === undefined ? undefined : resolve(reference, url)
    return target?.origin === url.origin ? [target] : []
  })
  return [url, ...named]
}
