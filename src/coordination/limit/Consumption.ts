/**
 * Consumes from limits: asks Redis, remembers its rejections, and falls back to the limit's policy during an outage.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as Tracing from "../../internal/Tracing.js"
import * as ArgumentCheck from "../../redis/ArgumentCheck.js"
import * as KeyOwner from "../../redis/KeyOwner.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import type { Cost } from "./Admission.js"
import { byCache, byRedis, decide, longestMemoryMillis, type RateLimitError, resultOf, usageOf } from "./Answer.js"
import * as Fallback from "./Fallback.js"
import * as JointConsumption from "./joint/JointConsumption.js"
import * as LimitInput from "./LimitInput.js"
import * as LimitOverrides from "./LimitOverrides.js"
import * as LimitRunner from "./LimitRunner.js"
import type { Input } from "./LimitScript.js"
import { observedLimits } from "./ObservedLimits.js"
import type { RateLimit, RateLimitResult, RateLimitsResult, RateLimitUsage } from "./RateLimit.js"
import * as RejectionCache from "./RejectionCache.js"

/**
 * The operations of the limiter on one client.
 *
 * @since 0.2.0
 * @category models
 */
export interface Consumption {
  readonly consume: (key: string, limit: RateLimit, options?: Cost) => Effect.Effect<RateLimitResult, RateLimitError>
  readonly consumeAll: (limits: JointConsumption.AllLimited) => Effect.Effect<RateLimitsResult, RateLimitError>
  readonly peek: (key: string, limit: RateLimit) => Effect.Effect<RateLimitUsage, RateLimitError>
  readonly refund: (key: string, limit: RateLimit, options?: Cost) => Effect.Effect<RateLimitUsage, RateLimitError>
  readonly penalize: (key: string, limit: RateLimit, options?: Cost) => Effect.Effect<RateLimitUsage, RateLimitError>
  readonly block: (key: string, limit: RateLimit, duration: Duration.DurationInput) => Effect.Effect<void, RedisError>
  readonly reset: (key: string, limit: RateLimit) => Effect.Effect<void, RedisError>
  readonly applied: (limit: RateLimit) => Effect.Effect<RateLimit>
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (client: RedisClient.Service): Consumption => {
  const runnerOf = LimitRunner.onClient(client)
  const fallback = Fallback.make()
  const rejections = RejectionCache.make()
  const overrides = LimitOverrides.of(client)

  const ask = (key: string, limit: RateLimit, cost: number, askedAt: number) => {
    const made = LimitInput.make("RateLimiter.consume", client, key, limit, cost)
    if (Exit.isFailure(made)) return Exit.failCause(made.cause)
    const clears = rejections.clears()
    return decide(
      runnerOf(limit.scripts).consume(made.value),
      (reply, decision) => {
        const result = resultOf(limit.burst, reply, decision)
        if (!result.allowed && decision === byRedis) remember(key, limit, cost, clears, askedAt, result)
        observedLimits.listener?.onDecision(limit.algorithm, result.allowed, decision._tag)
        return result
      },
      () => fallback.consume(limit, made.value)
    )
  }

  const remember = (
    key: string,
    limit: RateLimit,
    cost: number,
    clears: number,
    askedAt: number,
    { limit: most, remaining, resetAfter, retryAfter }: RateLimitResult
  ) => {
    const retryAt = askedAt + Duration.toMillis(retryAfter)
    rejections.remember(key, limit, cost, clears, {
      until: Math.min(retryAt, askedAt + longestMemoryMillis),
      limit: most,
      remaining,
      resetAt: askedAt + Duration.toMillis(resetAfter),
      retryAt
    })
  }

  const operation = (
    name: "peek" | "refund" | "penalize",
    key: string,
    given: RateLimit,
    cost: number
  ): Effect.Effect<RateLimitUsage, RateLimitError> =>
    Effect.suspend(() => {
      const limit = overrides.of(given)
      return Effect.flatMap(LimitInput.make(`RateLimiter.${name}`, client, key, limit, cost), (input: Input) =>
        decide(
          runnerOf(limit.scripts)[name](input),
          (usage, decision) => usageOf(limit.burst, usage, decision),
          () => fallback[name](limit, input)
        )
      )
    })

  const forget = (key: string) => Effect.sync(() => rejections.clear(key))

  // one step up to the command, and one after it: a call costs little more than its command
  const consume: Consumption["consume"] = (key, given, { cost = 1 } = {}) =>
    Effect.clockWith((clock) => {
      const limit = overrides.of(given)
      const now = MonotonicClock.unsafeMillis(clock)
      const rejection = rejections.find(key, limit, cost, now)
      if (rejection === undefined) return ask(key, limit, cost, now)
      observedLimits.listener?.onDecision(limit.algorithm, false, "Cached")
      return Exit.succeed({
        allowed: false,
        limit: rejection.limit,
        remaining: rejection.remaining,
        resetAfter: Duration.millis(Math.max(rejection.resetAt - now, 0)),
        retryAfter: Duration.millis(rejection.retryAt - now),
        decision: byCache
      })
    })

  return {
    consume: (key, limit, options) =>
      Tracing.operation(
        { name: "ratelimit.consume", of: limit.algorithm, key: () => key },
        consume(key, limit, options)
      ),
    consumeAll: JointConsumption.make(client, runnerOf, fallback, rejections, overrides),
    peek: (key, limit) => operation("peek", key, limit, 1),
    refund: (key, limit, { cost = 1 } = {}) => Effect.ensuring(operation("refund", key, limit, cost), forget(key)),
    penalize: (key, limit, { cost = 1 } = {}) => operation("penalize", key, limit, cost),
    block: (key, limit, duration) =>
      Effect.gen(function* () {
        const millis = yield* ArgumentCheck.timeToLiveMillis("RateLimiter.block", "duration", duration)
        const whole = yield* KeyOwner.keyOf("RateLimiter.block", client, "ratelimit", key)
        yield* fallback.block(limit, whole, millis)
        yield* runnerOf(limit.scripts).block(whole, millis, limit.name)
      }),
    reset: (key, limit) =>
      KeyOwner.keyOf("RateLimiter.reset", client, "ratelimit", key).pipe(
        Effect.flatMap((whole) =>
          Effect.zipRight(fallback.reset(limit, whole), runnerOf(limit.scripts).reset(whole, limit.name))
        ),
        Effect.ensuring(forget(key))
      ),
    applied: (limit) => Effect.sync(() => overrides.of(limit))
  }
}
