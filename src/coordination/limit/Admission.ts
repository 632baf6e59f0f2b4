/**
 * Waits until a limit allows a call.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as ArgumentCheck from "../../redis/ArgumentCheck.js"
import type { InvalidArgument } from "../../redis/RedisError.js"
import { observedLimits } from "./ObservedLimits.js"
import { type RateLimit, RateLimitExceeded, type RateLimitResult } from "./RateLimit.js"

/**
 * How much of a limit one call takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cost {
  /** an integer of at least 1; default 1 */
  readonly cost?: number | undefined
}

/**
 * What a call does when a limit is exceeded.
 *
 * @since 0.2.0
 * @category models
 */
export type Waiting =
  /** fails at once */
  | { readonly onExceeded: "fail" }
  /** waits until it is allowed; fails at once when that takes longer than `maxWait` */
  | { readonly onExceeded: "delay"; readonly maxWait: Duration.DurationInput }

/**
 * What a call does when its limit is exceeded, and how much of it the call takes.
 *
 * @since 0.1.0
 * @category models
 */
export type Exceeding = Cost & Waiting

/** A timer takes no more than 24 days; the caller retries when it wakes. */
const longestSleepMillis = 3_600_000

/**
 * Runs `consume`, and retries after `retryAfter` for as long as `maxWait` allows. Fails with `RateLimitExceeded`
 * otherwise, and with `InvalidArgument` when `maxWait` is negative or NaN.
 *
 * @since 0.1.0
 * @category utils
 */
export const admit = <Result extends RateLimitResult, E>(
  consume: Effect.Effect<Result, E>,
  of: (result: Result) => { readonly key: string; readonly limit: RateLimit },
  options: Waiting
): Effect.Effect<void, E | InvalidArgument | RateLimitExceeded> =>
  Effect.gen(function* () {
    const maxWaitMillis =
      options.onExceeded === "delay"
        ? yield* ArgumentCheck.waitMillis("RateLimiter.withLimit", "maxWait", options.maxWait)
        : 0
    const startedAt = yield* MonotonicClock.millis
    const deadline = startedAt + maxWaitMillis
    const report = (admitted: boolean, now: number, result: Result) => {
      if (options.onExceeded !== "delay") return
      observedLimits.listener?.onWait(of(result).limit.algorithm, admitted, now - startedAt)
    }
    while (true) {
      const result = yield* consume
      const { retryAfter } = result
      const now = yield* MonotonicClock.millis
      if (result.allowed) return report(true, now, result)
      const waitMillis = Math.ceil(Duration.toMillis(retryAfter))
      if (!Duration.isFinite(retryAfter) || now + waitMillis > deadline) {
        report(false, now, result)
        return yield* new RateLimitExceeded({ key: of(result).key, limit: result.limit, retryAfter })
      }
      yield* Effect.sleep(Math.min(waitMillis, longestSleepMillis))
    }
  })
