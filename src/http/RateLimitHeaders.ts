/**
 * The `RateLimit` headers of what may be done so often in a window, and `Retry-After` once it is used up.
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
const seconds = (duration: Duration.Duration): number => Math.max(1, Math.ceil(Duration.toSeconds(duration)))

const set = (headers: Record<string, string>): Effect.Effect<void> =>
  HttpApp.appendPreResponseHandler((_request, response) =>
    Effect.succeed(HttpServerResponse.setHeaders(response, headers))
  )

const headers = (policy: Policy, reset: Duration.Duration): Record<string, string> => ({
  "ratelimit-policy": `"${policy.name}";q=${policy.quota};w=${seconds(policy.window)}`,
  ratelimit: `"${policy.name}";r=0;t=${seconds(reset)}`
})

/**
 * The last call of the window was granted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const usedUp = (policy: Policy): Effect.Effect<void> => set(headers(policy, policy.window))

/**
 * The call was refused; `retryAfter` is when the next one may be granted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const exceeded = (policy: Policy, retryAfter: Duration.Duration): Effect.Effect<void> =>
  set({ ...headers(policy, retryAfter), "retry-after": String(seconds(retryAfter)) })
