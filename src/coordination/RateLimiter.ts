/**
 * How often something may happen, counted in Redis for all processes together.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as MonotonicClock from "../internal/MonotonicClock.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import { wholeKey } from "./ArgumentChecks.js"
import type { Consumed, Usage } from "./limit/LimitScript.js"
import * as Outage from "./limit/Outage.js"
import {
  Decision,
  type RateLimit,
  RateLimitExceeded,
  type RateLimitResult,
  type RateLimitUsage
} from "./limit/RateLimit.js"
import * as RejectionCache from "./limit/RejectionCache.js"
import * as Scripts from "./limit/Scripts.js"

export type {
  /**
   * What Redis says when it was asked and refuses the question: an error of the program or its settings.
   *
   * @since 0.1.0
   * @category errors
   */
  Refusal
} from "./limit/Outage.js"
export {
  /**
   * @since 0.1.0
   * @category models
   */
  Decision,
  /**
   * @since 0.1.0
   * @category constructors
   */
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
   * @since 0.1.0
   * @category models
   */
  export interface Cost {
    /** how much of the limit the call takes, an integer from 1 up; 1 by default */
    readonly cost?: number | undefined
  }

  /**
   * @since 0.1.0
   * @category models
   */
  export type Exceeding =
    /** fails at once */
    | (Cost & { readonly onExceeded: "fail" })
    /** waits until it is allowed, and fails at once where that is not within `maxWait` */
    | (Cost & { readonly onExceeded: "delay"; readonly maxWait: Duration.DurationInput })

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
      options?: RateLimiter.Cost
    ) => Effect.Effect<RateLimitResult, Outage.Refusal>
    /** What is left, and takes nothing. May be repeated. */
    readonly peek: (key: string, limit: RateLimit) => Effect.Effect<RateLimitUsage, Outage.Refusal>
    /**
     * Gives back what a call was charged that was not of use after all, and answers what is left then. Never more than is
     * charged at the moment; for each algorithm's promise a refund counts when it is made. While Redis cannot be asked it
     * goes to what this process has counted under the policy `local`, and is lost under the others. May not be repeated.
     */
    readonly refund: (
      key: string,
      limit: RateLimit,
      options?: RateLimiter.Cost
    ) => Effect.Effect<RateLimitUsage, Outage.Refusal>
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
      options: Exceeding
    ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | RateLimitExceeded | Outage.Refusal, R>
  }
}

/** How long a rejection is remembered at most, in milliseconds: others may refund or reset meanwhile. */
const longestBlockMillis = 1_000

/** A timer takes no more than 24 days; whoever wakes asks again. */
const longestSleepMillis = 3_600_000

const fromMicros = (micros: number): Duration.Duration =>
  micros === -1 ? Duration.infinity : Duration.millis(micros / 1_000)

const usageOf = (limit: number, [remaining, reset]: Usage, decision: Decision): RateLimitUsage => ({
  limit,
  remaining,
  resetAfter: fromMicros(reset),
  decision
})

const resultOf = (
  limit: number,
  [allowed, remaining, reset, retry]: Consumed,
  decision: Decision
): RateLimitResult => ({
  ...usageOf(limit, [remaining, reset], decision),
  allowed: allowed === 1,
  retryAfter: fromMicros(retry)
})

/**
 * The guide's key `ratelimit:<action>:<id>`. Colons of the action are percent-encoded, so that no two pairs of action and
 * id share a key. `InvalidKey` when one of them cannot be part of a key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const key = (action: string, id: string): Either.Either<string, RedisKey.InvalidKey> =>
  Either.flatMap(RedisKey.make("ratelimit", action), (prefix) => KeyOwner.under(prefix, id))

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
export const make: Effect.Effect<RateLimiter.Service, never, RedisClient> = Effect.gen(function* () {
  const client = yield* RedisClient
  const redis = Scripts.runners(client)
  const outage = yield* Outage.make
  const blocks = RejectionCache.make()

  /** Asks Redis, and the limit's policy where Redis cannot be asked. */
  const decide = <A, B>(
    asked: Effect.Effect<A, RedisError>,
    answer: (reply: A, decision: Decision) => B,
    instead: Effect.Effect<A, RedisError>
  ): Effect.Effect<B, Outage.Refusal> =>
    asked.pipe(
      Effect.map((reply) => answer(reply, Decision.Redis())),
      Effect.catchIf(Outage.isOutage, (error) =>
        // what counts in the process is never away
        Effect.map(Effect.orDie(instead), (reply) => answer(reply, Decision.Outage({ error })))
      )
    )

  const ask = (key: string, limit: RateLimit, cost: number, call: string, askedAt: number) =>
    Effect.flatMap(Scripts.inputOf("RateLimiter.consume", client, key, limit, cost), (input) =>
      Effect.uninterruptibleMask((restore) => {
        const asking = blocks.ask(key)
        const decided = decide(
          redis[limit.algorithm].consume(input),
          (reply, decision) => {
            const result = resultOf(limit.burst, reply, decision)
            if (!result.allowed && decision._tag === "Redis") {
              const retryAt = askedAt + Duration.toMillis(result.retryAfter)
              blocks.block(key, asking, call, {
                until: Math.min(retryAt, askedAt + longestBlockMillis),
                limit: result.limit,
                remaining: result.remaining,
                resetAt: askedAt + Duration.toMillis(result.resetAfter),
                retryAt
              })
            }
            return result
          },
          outage.consume(limit, input)
        )
        return Effect.matchCauseEffect(restore(decided), {
          onSuccess: (result) => {
            blocks.answered(key, asking)
            return Exit.succeed(result)
          },
          onFailure: (cause) => {
            blocks.answered(key, asking)
            return Exit.failCause(cause)
          }
        })
      })
    )

  const consume: RateLimiter.Service["consume"] = (key, limit, { cost = 1 } = {}) =>
    Effect.flatMap(MonotonicClock.millis, (now) => {
      const call = `${limit.algorithm} ${limit.limit} ${Duration.toMillis(limit.window)} ${limit.burst} ${cost}`
      const block = blocks.find(key, call, now)
      if (block === undefined) return ask(key, limit, cost, call, now)
      return Effect.succeed({
        allowed: false,
        limit: block.limit,
        remaining: block.remaining,
        resetAfter: Duration.millis(Math.max(block.resetAt - now, 0)),
        retryAfter: Duration.millis(block.retryAt - now),
        decision: Decision.Block()
      })
    })

  const admit = (key: string, limit: RateLimit, options: RateLimiter.Exceeding) =>
    Effect.gen(function* () {
      const maxWaitMillis = options.onExceeded === "delay" ? Duration.toMillis(options.maxWait) : 0
      const deadline = (yield* MonotonicClock.millis) + maxWaitMillis
      while (true) {
        const { allowed, limit: most, retryAfter } = yield* consume(key, limit, options)
        if (allowed) return
        const waitMillis = Math.ceil(Duration.toMillis(retryAfter))
        if (!Duration.isFinite(retryAfter) || (yield* MonotonicClock.millis) + waitMillis > deadline) {
          return yield* new RateLimitExceeded({ key, limit: most, retryAfter })
        }
        yield* Effect.sleep(Math.min(waitMillis, longestSleepMillis))
      }
    })

  return RateLimiter.of({
    consume,
    peek: Effect.fnUntraced(function* (key, limit) {
      const input = yield* Scripts.inputOf("RateLimiter.peek", client, key, limit, 1)
      return yield* decide(
        redis[limit.algorithm].peek(input),
        (usage, decision) => usageOf(limit.burst, usage, decision),
        outage.peek(limit, input)
      )
    }),
    refund: Effect.fnUntraced(
      function* (key, limit, { cost = 1 } = {}) {
        const input = yield* Scripts.inputOf("RateLimiter.refund", client, key, limit, cost)
        return yield* decide(
          redis[limit.algorithm].refund(input),
          (usage, decision) => usageOf(limit.burst, usage, decision),
          outage.refund(limit, input)
        )
      },
      (refunded, key) =>
        Effect.ensuring(
          refunded,
          Effect.sync(() => blocks.clear(key))
        )
    ),
    reset: (key, limit) =>
      wholeKey("RateLimiter.reset", client, key, "ratelimit").pipe(
        Effect.zipRight(outage.reset(limit, key)),
        Effect.zipRight(redis[limit.algorithm].reset(key)),
        Effect.ensuring(Effect.sync(() => blocks.clear(key)))
      ),
    withLimit: (key, limit, options) => (effect) => Effect.zipRight(admit(key, limit, options), effect)
  })
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RateLimiter, never, RedisClient> = Layer.effect(RateLimiter, make)
