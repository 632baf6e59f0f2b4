/**
 * The `Cache-Status` header (RFC 9211) of a cached read.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Lookup } from "../game/CacheService.js"
import type { Read } from "../game/PlayerService.js"

const cacheName = "effect-cache-toolkit"

// a string of a structured field (RFC 9651) is printable ASCII, with quotes and backslashes escaped
const quote = (text: string): string => `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`

/**
 * The value of the header: a hit with the seconds it stays fresh, a miss, or why the cache was not asked.
 *
 * @since 0.1.0
 * @category conversions
 */
export const format = <A>(lookup: Lookup<A>): string => {
  switch (lookup._tag) {
    case "Hit":
      return Duration.isFinite(lookup.ttl)
        ? `${cacheName}; hit; ttl=${Math.floor(Duration.toSeconds(lookup.ttl))}`
        : `${cacheName}; hit`
    case "Miss":
      return `${cacheName}; fwd=miss`
    case "Bypass":
      return `${cacheName}; fwd=bypass; detail=${quote(lookup.reason)}`
  }
}

/**
 * Takes the value out of a read, and puts where it came from into the response.
 *
 * @since 0.1.0
 * @category combinators
 */
export const tell = <A, E, R>(read: Effect.Effect<Read<A>, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(read, ({ source, value }) =>
    Effect.as(
      HttpApp.appendPreResponseHandler((_request, response) =>
        Effect.succeed(HttpServerResponse.setHeader(response, "cache-status", format(source)))
      ),
      value
    )
  )
