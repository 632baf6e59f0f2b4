/**
 * Serves a page that never changes while the process runs. It is compressed once, and not sent to browsers that have
 * it.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { gzipSync } from "node:zlib"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64")

/**
 * The content security policy of a page with inline scripts: only these scripts run, and nothing loads from another
 * host.
 */
const policyOf = (html: string): string => {
  const scripts = Array.from(html.matchAll(/<script>([\s\S]*?)<\/script>/g), ([, script = ""]) => script)
  return [
    "default-src 'none'",
    `script-src ${scripts.map((script) => `'sha256-${sha256(script)}'`).join(" ")}`,
    // Swagger UI writes style attributes
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join("; ")
}

/** `q=0` forbids gzip (RFC 9110, 12.5.3). */
const takesGzip = (acceptEncoding: string): boolean =>
  acceptEncoding.split(",").some((item) => /^\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$)[\d.]+\s*)?$/i.test(item))

const hasTag = (ifNoneMatch: string, tag: string): boolean =>
  ifNoneMatch.split(",").some((item) => ["*", tag].includes(item.trim().replace(/^W\//, "")))

/**
 * Answers a page, compressed where the browser accepts it, or 304 when the browser has it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  html: string
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest> => {
  const digest = sha256(html)
  const whole = { bytes: new TextEncoder().encode(html), headers: { etag: `"${digest}"` } }
  const compressed = {
    bytes: new Uint8Array(gzipSync(html)),
    headers: { etag: `"${digest}-gzip"`, "content-encoding": "gzip" }
  }
  const common = {
    "cache-control": "no-cache",
    "content-security-policy": policyOf(html),
    vary: "accept-encoding"
  }
  return Effect.map(HttpServerRequest.HttpServerRequest, ({ headers: asked }) => {
    const { bytes, headers } = takesGzip(asked["accept-encoding"] ?? "") ? compressed : whole
    return hasTag(asked["if-none-match"] ?? "", headers.etag)
      ? HttpServerResponse.empty({ status: 304, headers: { ...common, etag: headers.etag } })
      : HttpServerResponse.uint8Array(bytes, {
          contentType: "text/html; charset=utf-8",
          headers: { ...common, ...headers }
        })
  })
}
