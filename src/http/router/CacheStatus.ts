/**
 * Reports a cached read in the `Cache-Status` header (RFC 9211).
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

const hit = (
  { source, timeLeft }: Pick<CacheResult<unknown>, "source" | "timeLeft">,
  detail = source.toLowerCase()
): string => {
  const ttl = Duration.isFinite(timeLeft) ? `; ttl=${Math.floor(Duration.toSeconds(timeLeft))}` : ""
  return `${cacheName}; hit${ttl}; detail=${detail}`
}

/**
 * What the header says of a result.
 *
 * @since 0.2.0
 * @category models
 */
export interface ResultSource extends Pick<CacheResult<unknown>, "source" | "timeLeft" | "reason"> {
  readonly lookupReason?: string | undefined
}

/**
 * Formats the value of the header: a hit with its tier and the seconds it stays fresh, a miss, or the reason for a bypass.
 * A stale value is a hit: the refresh in the background forwards nothing for this request.
 *
 * @since 0.1.0
 * @category conversions
 */
export const format = (result: ResultSource): string => {
  switch (result.source) {
    case "Local":
    case "Redis":
      return hit(result)
    case "Stale":
      return result.reason === undefined
        ? hit(result)
        : hit(result, quote(`remembered: ${result.reason}, ${result.lookupReason ?? "unknown"}`))
    case "Lookup":
      return `${cacheName}; fwd=miss`
    case "Degraded":
      return `${cacheName}; fwd=bypass; detail=${quote(`degraded: ${result.reason ?? "unknown"}`)}`
  }
}

/**
 * Answers the value of a read, and sets the header of the response to the source of the value.
 *
 * @since 0.1.0
 * @category combinators
 * @example
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { TypedCache } from "effect-cache-toolkit"
 * import { CacheStatus } from "effect-cache-toolkit/http"
 * import { Effect, Schema } from "effect"
 *
 * const route = Effect.gen(function* () {
 *   const cities = yield* TypedCache.make({
 *     name: "city",
 *     key: Schema.String,
 *     value: Schema.Struct({ founded: Schema.Int }),
 *     timeToLive: "10 minutes",
 *     lookup: () => Effect.succeed({ founded: 1624 })
 *   })
 *   return HttpRouter.get(
 *     "/cities/gothenburg",
 *     cities.getResult("gothenburg").pipe(CacheStatus.report, Effect.flatMap(HttpServerResponse.json))
 *   )
 * })
 */
export const report = <A, E, R>(read: Effect.Effect<CacheResult<A>, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(read, (result) =>
    Effect.as(
      HttpApp.appendPreResponseHandler((_request, response) =>
        Effect.succeed(HttpServerResponse.setHeader(response, "cache-status", format(result)))
      ),
      result.value
    )
  )
