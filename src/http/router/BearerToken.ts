/**
 * Checks the bearer token of a request (RFC 6750).
 *
 * @since 0.2.0
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Redacted from "effect/Redacted"

/**
 * The result of a check.
 *
 * @since 0.2.0
 * @category models
 */
export type Checked = "Right" | "Wrong" | "Missing"

// digests of equal length hide the length of the token from the time of the comparison
const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

// the decoder of HttpApiSecurity.bearer ignores the scheme, so the header is parsed here
const sentToken = ({ headers }: HttpServerRequest.HttpServerRequest): string | undefined =>
  /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1]

/**
 * Makes the check for one token. It compares in constant time.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (token: Redacted.Redacted): ((request: HttpServerRequest.HttpServerRequest) => Checked) => {
  const expected = digest(Redacted.value(token))
  return (request) => {
    const sent = sentToken(request)
    if (sent === undefined) return "Missing"
    return timingSafeEqual(digest(sent), expected) ? "Right" : "Wrong"
  }
}
