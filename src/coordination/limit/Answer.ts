/**
 * Turns the replies of the scripts into results, and asks the fallback where Redis is away.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { InvalidArgument, RedisAuthError, RedisError, RedisServerError } from "../../redis/RedisError.js"
import * as Fallback from "./Fallback.js"
import type { Consumed, Usage } from "./LimitScript.js"
import { Decision, type RateLimitResult, type RateLimitUsage } from "./RateLimit.js"

/**
 * The errors of a call on a limit that no outage policy hides: a mistake of the program or its settings.
 *
 * @since 0.1.0
 * @category errors
 */
export type RateLimitError = InvalidArgument | RedisAuthError | RedisServerError

/** The longest time that a rejection is remembered, since other processes may refund or reset meanwhile. */
export const longestMemoryMillis = 1_000

export const byRedis = Decision.Redis()
export const byCache = Decision.Cached()

const fromMicros = (micros: number): Duration.Duration =>
  micros === 0 ? Duration.zero : micros === -1 ? Duration.infinity : Duration.millis(micros / 1_000)

/**
 * @since 0.2.0
 * @category conversions
 */
export const usageOf = (limit: number, [remaining, reset]: Usage, decision: Decision): RateLimitUsage => ({
  limit,
  remaining,
  resetAfter: fromMicros(reset),
  decision
})

/**
 * @since 0.2.0
 * @category conversions
 */
export const resultOf = (
  limit: number,
  [allowed, remaining, reset, retry]: Consumed,
  decision: Decision
): RateLimitResult => ({
  allowed: allowed === 1,
  limit,
  remaining,
  resetAfter: fromMicros(reset),
  retryAfter: fromMicros(retry),
  decision
})

/**
 * Asks Redis, and the fallback during an outage.
 *
 * @since 0.2.0
 * @category utils
 */
export const decide = <A, B>(
  asked: Effect.Effect<A, RedisError>,
  answer: (reply: A, decision: Decision) => B,
  instead: () => Effect.Effect<A>
): Effect.Effect<B, RateLimitError> =>
  Effect.matchEffect(asked, {
    onSuccess: (reply) => Exit.succeed(answer(reply, byRedis)),
    onFailure: (error) =>
      Fallback.isOutage(error)
        ? Effect.map(instead(), (reply) => answer(reply, Decision.Outage({ error })))
        : Exit.fail(error)
  })
