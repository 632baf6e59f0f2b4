/**
 * Converts the responses of handlers to what is stored, and stored responses to those of a server.
 *
 * @since 0.2.0
 */
import { createHash } from "node:crypto"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type { OriginResponse } from "../exchange/OriginRun.js"
import * as Reply from "../exchange/Reply.js"
import * as Conditional from "../rules/Conditional.js"
import type * as FieldList from "../rules/FieldList.js"
import type { StoredResponse } from "../store/StoredResponse.js"
import * as Declaration from "./Declaration.js"

type Response = HttpServerResponse.HttpServerResponse

const encoder = new TextEncoder()
const noContent = new Uint8Array()

const contentOf = ({ body }: Response, maxBytes: number): OriginResponse<Response>["content"] => {
  const bytes =
    body._tag === "Empty"
      ? noContent
      : body._tag === "Uint8Array"
        ? body.body
        : body._tag === "Raw" && typeof body.body === "string"
          ? encoder.encode(body.body)
          : body._tag === "Raw" && body.body instanceof Uint8Array
            ? body.body
            : undefined
  if (bytes === undefined) return { notStorable: "stream" }
  return bytes.length > maxBytes ? { notStorable: "too-long" } : bytes
}

/**
 * @since 0.2.0
 * @category conversions
 */
export const toOrigin = (
  given: Response,
  { declaration, tags }: Pick<Declaration.Declarations["Type"], "declaration" | "tags">,
  { isShared, maxBytes }: { readonly isShared: boolean; readonly maxBytes: number }
): OriginResponse<Response> => {
  const isDeclared = given.headers["cache-control"] === undefined && given.status < 400
  const cacheControl = isDeclared ? Declaration.cacheControl(declaration) : undefined
  const response =
    cacheControl === undefined
      ? given
      : HttpServerResponse.setHeader(given, "cache-control", Declaration.clientCacheControl(declaration, isShared))
  const cookieField = response.headers["set-cookie"]
  return {
    response,
    status: response.status,
    fields: response.headers,
    cookies: [...Cookies.toSetCookieHeaders(response.cookies), ...(cookieField === undefined ? [] : [cookieField])],
    content: contentOf(response, maxBytes),
    tags,
    cacheControl
  }
}

/**
 * Adds a weak entity tag of the content where a response has no validator of its own.
 *
 * @since 0.2.0
 * @category combinators
 */
export const withEntityTag = (fields: Record<string, string>, content: Uint8Array): Record<string, string> =>
  Conditional.hasValidator(fields)
    ? fields
    : { ...fields, etag: `W/"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"` }

/**
 * The response of a stored one, or the 304 that stands for it.
 *
 * @since 0.2.0
 * @category conversions
 */
export const fromStored = (
  stored: StoredResponse,
  age: number,
  request: FieldList.Fields,
  now: number,
  report: Reply.Report
): Response => {
  const { fields, status } = Reply.headOf(stored, age, request, now, report)
  if (status === 304) return HttpServerResponse.empty({ status, headers: fields })
  const { content, cookies } = stored
  const options = { status, headers: fields, cookies: Cookies.fromSetCookie(cookies) }
  const contentType = fields["content-type"]
  if (content.length === 0) return HttpServerResponse.empty(options)
  // a body of bytes gets a content type where it has none, and a raw body does not
  return contentType === undefined
    ? HttpServerResponse.raw(content, options)
    : HttpServerResponse.uint8Array(content, { ...options, contentType })
}

/**
 * The response of the handler, with its report.
 *
 * @since 0.2.0
 * @category combinators
 */
export const passed = (response: Response, report: Reply.Report): Response => {
  const cacheStatus = Reply.cacheStatus(response.headers, report)
  return cacheStatus === undefined ? response : HttpServerResponse.setHeader(response, "cache-status", cacheStatus)
}

/**
 * The answer to a request that accepts stored responses only (RFC 9111, section 5.2.1.7).
 *
 * @since 0.2.0
 * @category constructors
 */
export const notHeld = (report: Reply.Report): Response => passed(HttpServerResponse.empty({ status: 504 }), report)

/**
 * The answer while too many handlers run and Redis is away.
 *
 * @since 0.2.0
 * @category constructors
 */
export const unavailable = (report: Reply.Report): Response =>
  passed(HttpServerResponse.empty({ status: 503, headers: { "retry-after": "1" } }), report)
