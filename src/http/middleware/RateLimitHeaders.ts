/**
 * The `RateLimit` fields of what may be done so often in a window, as of draft-ietf-httpapi-ratelimit-headers-10, and
 * `Retry-After` (RFC 9110) once it is used up.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * How often something may be done.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy {
  readonly name: string
  readonly quota: number
  readonly window: Duration.Duration
}

// a client that waits a rounded-down time comes too early
const seconds = (duration: Duration.Duration): number => Math.ceil(Duration.toSeconds(duration))

/** Both fields are lists: a request may fall under several policies. */
const append = (response: HttpServerResponse.HttpServerResponse, name: string, item: string) => {
  const items = response.headers[name]
  return HttpServerResponse.setHeader(response, name, items === undefined ? item : `${items}, ${item}`)
}

/**
 * Says what is left under a policy: `remaining` now, all of it after `resetAfter`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const tell = (
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
 * The call was refused; `retryAfter` is when the next one may be granted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const exceeded = (
  policy: Policy,
  usage: { readonly resetAfter: Duration.Duration; readonly retryAfter: Duration.Duration }
): Effect.Effect<void> =>
  Effect.zipRight(
    tell(policy, { remaining: 0, resetAfter: usage.resetAfter }),
    HttpApp.appendPreResponseHandler((_request, response) =>
      Effect.succeed(
        HttpServerResponse.setHeader(response, "retry-after", String(Math.max(seconds(usage.retryAfter), 1)))
      )
    )
  )
