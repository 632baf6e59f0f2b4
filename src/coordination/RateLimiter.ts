/**
 * Limits how often something happens, counted in Redis for all processes together.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import * as Admission from "./limit/Admission.js"
import type * as Answer from "./limit/Answer.js"
import * as Consumption from "./limit/Consumption.js"
import type * as JointConsumption from "./limit/joint/JointConsumption.js"
import type {
  RateLimit,
  RateLimitExceeded,
  RateLimitResult,
  RateLimitsResult,
  RateLimitUsage
} from "./limit/RateLimit.js"

export type { Cost, Exceeding, Waiting } from "./limit/Admission.js"
export type { RateLimitError } from "./limit/Answer.js"
export type { AllLimited, Limited } from "./limit/joint/JointConsumption.js"
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
  type RateLimitsResult,
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
  type TokenBucketOptions,
  /**
   * @since 0.1.0
   * @category constructors
   */
  tokenBucket
} from "./limit/RateLimit.js"

/**
 * Rate limits in Redis. `docs/rate-limits.md` says what each algorithm promises and costs.
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
   * The operations on limits. A key stands in Redis as `ratelimit:<key>`. Each algorithm counts it separately. Callers that share
   * a key should use the same limit: a promise is made for one limit at a time.
   *
   * While Redis is unavailable the limit's `onUnavailable` decides, and the result says so. Every operation fails:
   *
   * - with `InvalidArgument` when the cost or `maxWait` cannot be right, or something else owns the key
   * - with `RedisServerError`, code `WRONGTYPE`, when the key holds something else
   * - with `RedisAuthError`, when the user has no right to the key
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Takes the cost from the limit if that much remains, and nothing otherwise.
     *
     * The process remembers a rejection for as long as it holds, up to a second, and rejects the same call without asking Redis. So a
     * refund or reset of another process may take a second to be seen here.
     *
     * Do not repeat it after an `Outage` by `RedisTimeout` or `RedisConnectionLost`: the first call may have counted.
     */
    readonly consume: (
      key: string,
      limit: RateLimit,
      options?: Admission.Cost
    ) => Effect.Effect<RateLimitResult, Answer.RateLimitError>
    /**
     * Takes the cost of a call from each of several limits if all of them allow it, and otherwise from none. The result has the
     * numbers of the tightest limit, and those of each.
     *
     * It is one step on one server, also for other callers. So it is in a cluster for limits of one key, and for keys with one
     * hash tag. Limits of several slots are decided one slot after the other, in the order of the call. A rejection gives back what
     * the slots before have taken, as `refund` does. Until then it counts for other callers, and it stays taken where the process
     * or Redis is lost meanwhile.
     *
     * Fails with `InvalidArgument` for no limit, for more than 16, and for two that are counted as one: of two limits of one
     * algorithm under one key each needs a `name`. During an outage each limit decides by its own policy, still all or nothing.
     * Rejections are remembered like those of `consume`. Do not repeat it after an `Outage`.
     */
    readonly consumeAll: (limits: JointConsumption.AllLimited) => Effect.Effect<RateLimitsResult, Answer.RateLimitError>
    /** Reads how much remains. May be repeated. */
    readonly peek: (key: string, limit: RateLimit) => Effect.Effect<RateLimitUsage, Answer.RateLimitError>
    /**
     * Returns the cost of an allowed call to the limit, up to what is charged now. Returns how much remains.
     *
     * During an outage it goes to the share of this process under the policy `local`, and is lost under the others. Must not be
     * repeated.
     */
    readonly refund: (
      key: string,
      limit: RateLimit,
      options?: Admission.Cost
    ) => Effect.Effect<RateLimitUsage, Answer.RateLimitError>
    /**
     * Takes a cost from the limit, at most the whole limit, whether or not that much remains: for a call that turned out to be wrong,
     * such as a wrong password. Returns how much remains. All processes see it at once; `refund` is its opposite.
     *
     * Windows and logs may so hold more than the limit. A bucket is at most empty. During an outage it goes to the share of this
     * process under the policy `local`, and is lost under the others. Must not be repeated.
     */
    readonly penalize: (
      key: string,
      limit: RateLimit,
      options?: Admission.Cost
    ) => Effect.Effect<RateLimitUsage, Answer.RateLimitError>
    /**
     * Rejects every call of the key under this limit for a time, in all processes at once. Then the limit starts anew. A second block
     * replaces the first, and `reset` ends it. May be repeated.
     *
     * Fails with the error of Redis during an outage. This process then blocks its own share under the policy `local`.
     */
    readonly block: (key: string, limit: RateLimit, duration: Duration.DurationInput) => Effect.Effect<void, RedisError>
    /** Deletes what was counted for the key under this algorithm and name, and ends a block. May be repeated. */
    readonly reset: (key: string, limit: RateLimit) => Effect.Effect<void, RedisError>
    /**
     * The limit with the numbers that this process applies now, for a text or header that names them. They differ from those of
     * the limit where it has a name and `RuntimeSettings` sets others. Every operation applies them anyway.
     */
    readonly applied: (limit: RateLimit) => Effect.Effect<RateLimit>
    /**
     * Runs an effect when the limit allows it. Fails with `RateLimitExceeded` when the limit does not allow it, or not within
     * `maxWait`.
     *
     * A call that fails so, or is interrupted while it waits, takes nothing. Waiting callers are admitted in no particular order. The
     * cost stays taken when the effect fails.
     */
    readonly withLimit: (
      key: string,
      limit: RateLimit,
      options: Admission.Exceeding
    ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | RateLimitExceeded | Answer.RateLimitError, R>
    /**
     * Runs an effect when all limits allow it, like `withLimit`. Fails with `RateLimitExceeded`, which names the key of the limit
     * to wait for longest.
     */
    readonly withLimits: (
      limits: JointConsumption.AllLimited,
      options: Admission.Waiting
    ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | RateLimitExceeded | Answer.RateLimitError, R>
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
 * Makes a rate limiter on the client in the context.
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
 *   return result.allowed ? "allowed" : `retry in ${result.retryAfter}`
 * })
 */
export const make: Effect.Effect<RateLimiter.Service, never, RedisClient> = Effect.map(RedisClient, (client) => {
  const { applied, block, consume, consumeAll, peek, penalize, refund, reset } = Consumption.make(client)
  return RateLimiter.of({
    consume,
    consumeAll,
    peek,
    refund,
    penalize,
    block,
    reset,
    applied,
    withLimit: (key, limit, options) => (effect) =>
      Effect.zipRight(
        Admission.admit(consume(key, limit, options), () => ({ key, limit }), options),
        effect
      ),
    withLimits: (limits, options) => (effect) =>
      Effect.zipRight(
        Admission.admit(consumeAll(limits), ({ tightest }) => limits[tightest] ?? limits[0], options),
        effect
      )
  })
})

/**
 * Provides a rate limiter on the client in the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RateLimiter, never, RedisClient> = Layer.effect(RateLimiter, make)
