/**
 * The `Cache-Status` header (RFC 9211) of a cached read.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { CacheResult } from "../../cache/read/CacheResult.js"

const cacheName = "effect-cache-toolkit"

// a string of a structured field (RFC 9651) is printable ASCII, with quotes and backslashes escaped
const quote = (text: string): string => `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`

const hit = ({ source, timeLeft }: Pick<CacheResult<unknown>, "source" | "timeLeft">): string => {
  const ttl = Duration.isFinite(timeLeft) ? `; ttl=${Math.floor(Duration.toSeconds(timeLeft))}` : ""
  return `${cacheName}; hit${ttl}; detail=${source.toLowerCase()}`
}

/**
 * The value of the header: a hit with the seconds it stays fresh and the tier that had it, a miss, or why the cache could
 * not be used. A stale hit is one too: it is refreshed behind the reader's back, and nothing was forwarded for its sake.
 *
 * @since 0.1.0
 * @category conversions
 */
export const format = (served: Pick<CacheResult<unknown>, "source" | "timeLeft" | "reason">): string => {
  switch (served.source) {
    case "Local":
    case "Redis":
    case "Stale":
      return hit(served)
    case "Lookup":
      return `${cacheName}; fwd=miss`
    case "Degraded":
      return `${cacheName}; fwd=bypass; detail=${quote(`degraded: ${served.reason ?? "unknown"}`)}`
  }
}

/**
 * Takes the value out of a read, and puts where it came from into the response.
 *
 * @since 0.1.0
 * @category combinators
 */
export const tell = <A, E, R>(read: Effect.Effect<CacheResult<A>, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(read, (served) =>
    Effect.as(
      HttpApp.appendPreResponseHandler((_request, response) =>
        Effect.succeed(HttpServerResponse.setHeader(response, "cache-status", format(served)))
      ),
      served.value
    )
  )
