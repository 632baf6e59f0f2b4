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

interface Usage {
  readonly remaining: number
  readonly resetAfter: Duration.Duration
}

const reportTo = (
  response: HttpServerResponse.HttpServerResponse,
  { name, quota, window }: Policy,
  { remaining, resetAfter }: Usage
): HttpServerResponse.HttpServerResponse =>
  response.pipe(
    (response) => append(response, "ratelimit-policy", `"${name}";q=${quota};w=${seconds(window)}`),
    (response) => append(response, "ratelimit", `"${name}";r=${remaining};t=${seconds(resetAfter)}`)
  )

/**
 * Adds the headers of an allowed request: `remaining` requests are left, and the whole quota after `resetAfter`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const report = (
  policy: Policy,
  usage: { readonly remaining: number; readonly resetAfter: Duration.Duration }
): Effect.Effect<void> =>
  HttpApp.appendPreResponseHandler((_request, response) => Effect.succeed(reportTo(response, policy, usage)))

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
    HttpApp.appendPreResponseHandler((_request, response) => Effect.succeed(retryLater(response, usage.retryAfter)))
  )

const retryLater = (
  response: HttpServerResponse.HttpServerResponse,
  retryAfter: Duration.Duration
): HttpServerResponse.HttpServerResponse =>
  Duration.isFinite(retryAfter)
    ? HttpServerResponse.setHeader(response, "retry-after", String(Math.max(seconds(retryAfter), 1)))
    : response

/**
 * Adds the headers of a request under several limits: each policy, the tightest one first. A rejected request gets the `Retry-After`
 * of the limit to wait for longest. Of a limit that rejects it nothing is left.
 *
 * @since 0.2.0
 * @category combinators
 */
export const reportAll = (
  policies: ReadonlyArray<Policy>,
  result: {
    readonly allowed: boolean
    readonly retryAfter: Duration.Duration
    readonly tightest: number
    readonly each: ReadonlyArray<Usage & { readonly allowed: boolean }>
  }
): Effect.Effect<void> =>
  HttpApp.appendPreResponseHandler((_request, response) => {
    const { each, tightest } = result
    const order = [tightest, ...each.map((_, i) => i).filter((i) => i !== tightest)]
    const reported = order.reduce((response, i) => {
      const [policy, usage] = [policies[i], each[i]]
      if (policy === undefined || usage === undefined) return response
      return reportTo(response, policy, usage.allowed ? usage : { ...usage, remaining: 0 })
    }, response)
    return Effect.succeed(result.allowed ? reported : retryLater(reported, result.retryAfter))
  })
