/**
 * How often something may happen, counted in Redis for all processes together.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import * as Admission from "./limit/Admission.js"
import * as Consumption from "./limit/Consumption.js"
import type { RateLimit, RateLimitExceeded, RateLimitResult, RateLimitUsage } from "./limit/RateLimit.js"

export type { Cost, Exceeding } from "./limit/Admission.js"
export type { Refusal } from "./limit/Consumption.js"
export {
  /**
   * @since 0.1.0
   * @category constructors
   */
  type Algorithm,
  /**
   * @since 0.1.0
   * @category models
   */
  Decision,
  fixedWindow,
  type Options,
  type OutagePolicy,
  type RateLimit,
  /**
   * @since 0.1.0
   * @category errors
   */
  RateLimitExceeded,
  type RateLimitResult,
  type RateLimitUsage,
  /**
   * @since 0.1.0
   * @category constructors
   */
  slidingCounter,
  /**
   * @since 0.1.0
   * @category constructors
   */
  slidingLog,
  /**
   * @since 0.1.0
   * @category constructors
   */
  tokenBucket
} from "./limit/RateLimit.js"

/**
 * Rate limits in Redis. See `docs/rate-limits.md` for what each algorithm promises and costs.
 *
 * @since 0.1.0
 * @category services
 */
export class RateLimiter extends Context.Tag("effect-cache-toolkit/RateLimiter")<RateLimiter, RateLimiter.Service>() {}

/**
 * @since 0.1.0
 */
export declare namespace RateLimiter {
  /**
   * One key is counted separately under each algorithm. Whoever shares a key should use the same limit: a promise is made
   * for one limit at a time.
   *
   * While Redis cannot be asked the limit's `onUnavailable` decides, and the result says so. All fail with
   * `RedisServerError`, code `ERR`, when numbers mean nothing or are too large to be exact or the key belongs to something else, with code `WRONGTYPE` when the
   * key holds something else, and with `RedisAuthError` when Redis grants no right to it.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Takes the cost from the limit if that much is left, and else takes nothing.
     *
     * A rejection is remembered in this process for as long as it holds, a second at most: the same call is then rejected
     * without asking Redis. So what another process refunds or resets may be seen a second late here.
     *
     * May not be repeated blindly when the decision was an `Outage` by `RedisTimeout` or `RedisConnectionLost`: the first
     * call may have counted.
     */
    readonly consume: (
      key: string,
      limit: RateLimit,
      options?: Admission.Cost
    ) => Effect.Effect<RateLimitResult, Consumption.Refusal>
    /** What is left, and takes nothing. May be repeated. */
    readonly peek: (key: string, limit: RateLimit) => Effect.Effect<RateLimitUsage, Consumption.Refusal>
    /**
     * Gives back what a call was charged that was not of use after all, and answers what is left then. Never more than is
     * charged at the moment; for each algorithm's promise a refund counts when it is made. While Redis cannot be asked it
     * goes to what this process has counted under the policy `local`, and is lost under the others. May not be repeated.
     */
    readonly refund: (
      key: string,
      limit: RateLimit,
      options?: Admission.Cost
    ) => Effect.Effect<RateLimitUsage, Consumption.Refusal>
    /** Forgets everything that was counted for the key under this algorithm. May be repeated. */
    readonly reset: (key: string, limit: RateLimit) => Effect.Effect<void, RedisError>
    /**
     * Runs an effect once the limit allows it. Fails with `RateLimitExceeded` when it does not, or not within `maxWait`;
     * nothing is taken then, and nothing by whoever is interrupted while it waits. Who waits is let in in no order, and what
     * the effect has taken stays taken when it fails.
     */
    readonly withLimit: (
      key: string,
      limit: RateLimit,
      options: Admission.Exceeding
    ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | RateLimitExceeded | Consumption.Refusal, R>
  }
}

/**
 * Makes the key `<action>:<id>`, which stands in Redis as `ratelimit:<action>:<id>`. Colons of the action are
 * percent-encoded, so that no two pairs of action and id share a key. `InvalidKey` when one of them cannot be part of a key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const key = (action: string, id: string): Either.Either<string, RedisKey.InvalidKey> =>
  Either.flatMap(RedisKey.make(prefix, action), (head) =>
    Either.map(KeyOwner.under(head, id), (whole) => whole.slice(prefix.length + 1))
  )

const prefix = "ratelimit"

/**
 * A rate limiter on the client in the context.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { RateLimiter } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const logins = RateLimiter.slidingLog({ limit: 5, window: "1 minute", onUnavailable: "deny" })
 *
 * const program = Effect.gen(function* () {
 *   const limiter = yield* RateLimiter.make
 *   const key = yield* RateLimiter.key("login", "user-1")
 *   const result = yield* limiter.consume(key, logins)
 *   return result.allowed ? "go ahead" : `try again in ${result.retryAfter}`
 * })
 */
export const make: Effect.Effect<RateLimiter.Service, never, RedisClient> = Effect.map(RedisClient, (client) => {
  const { consume, peek, refund, reset } = Consumption.make(client)
  return RateLimiter.of({
    consume,
    peek,
    refund,
    reset,
    withLimit: (key, limit, options) => (effect) =>
      Effect.zipRight(Admission.admit(consume, key, limit, options), effect)
  })
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RateLimiter, never, RedisClient> = Layer.effect(RateLimiter, make)
