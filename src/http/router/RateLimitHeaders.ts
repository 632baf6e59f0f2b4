/**
 * Reports a rate limit in the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10), and in `Retry-After` (RFC 9110)
 * once the limit is exceeded.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * A limit as the headers name it: `quota` requests in each `window`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy {
  readonly name: string
  readonly quota: number
  readonly window: Duration.Duration
}

// rounded up: a client that waits the rounded-down time would be rejected again
const seconds = (duration: Duration.Duration): number => Math.ceil(Duration.toSeconds(duration))

/** Both fields are lists, since several policies may apply to one request. */
const append = (response: HttpServerResponse.HttpServerResponse, name: string, item: string) => {
  const items = response.headers[name]
  return HttpServerResponse.setHeader(response, name, items === undefined ? item : `${items}, ${item}`)
}

/**
 * Adds the headers of an allowed request: `remaining` requests are left, and the whole quota after `resetAfter`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const report = (
  { name, quota, window }: Policy,
  { remaining, resetAfter }: { readonly remaining: number; readonly resetAfter: Duration.Duration }
): Effect.Effect<void> =>
  HttpApp.appendPreResponseHandler((_request, response) =>
    Effect.succeed(
      response.pipe(
        (response) => append(response, "ratelimit-policy", `"${name}";q=${quota};w=${seconds(window)}`),
        (response) => append(response, "ratelimit", `"${name}";r=${remaining};t=${seconds(resetAfter)}`)
      )
    )
  )

/**
 * Adds the headers of a rejected request: nothing is left, and the next request may be allowed after `retryAfter`. Without
 * `Retry-After` where that is infinite, since a limit of 0 never allows a request.
 *
 * @since 0.1.0
 * @category combinators
 */
export const reportExceeded = (
  policy: Policy,
  usage: { readonly resetAfter: Duration.Duration; readonly retryAfter: Duration.Duration }
): Effect.Effect<void> =>
  Effect.zipRight(
    report(policy, { remaining: 0, resetAfter: usage.resetAfter }),
    HttpApp.appendPreResponseHandler((_request, response) =>
      Effect.succeed(
        Duration.isFinite(usage.retryAfter)
          ? HttpServerResponse.setHeader(response, "retry-after", String(Math.max(seconds(usage.retryAfter), 1)))
          : response
      )
    )
  )
