/**
 * How often something may happen, as a value: the algorithm, its numbers, and what is decided when Redis cannot be asked.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { RedisError } from "../../redis/RedisError.js"
import * as FixedWindow from "./FixedWindow.js"
import type { LimitScripts } from "./LimitScript.js"
import * as SlidingCounter from "./SlidingCounter.js"
import * as SlidingLog from "./SlidingLog.js"
import * as TokenBucket from "./TokenBucket.js"

/**
 * What is decided while Redis cannot be asked. It never applies where Redis has answered that the limit is exceeded.
 *
 * - `allow`: everything that the limit could ever allow
 * - `deny`: nothing
 * - `local`: each process counts for itself, by the same algorithm, an equal share of the limit. `processes` is how many
 *   there are; what does not divide is allowed to nobody, so that a limit below their number allows nothing
 *
 * @since 0.1.0
 * @category models
 */
export type OutagePolicy = "allow" | "deny" | { readonly local: { readonly processes: number } }

/**
 * @since 0.2.0
 * @category models
 */
export type Algorithm = "FixedWindow" | "SlidingLog" | "SlidingCounter" | "TokenBucket"

/**
 * A limit, made by `fixedWindow`, `slidingLog`, `slidingCounter` or `tokenBucket`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimit {
  readonly algorithm: Algorithm
  /** what decides, on the server and in the process */
  readonly scripts: LimitScripts
  /** how much is allowed in a window */
  readonly limit: number
  readonly window: Duration.Duration
  /** how much is allowed at once: of a token bucket its size, of the others the limit */
  readonly burst: number
  readonly onUnavailable: OutagePolicy
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** how much is allowed in a window, an integer from 0 up; of a token bucket from 1 up */
  readonly limit: number
  /** rounded up to whole milliseconds */
  readonly window: Duration.DurationInput
  readonly onUnavailable: OutagePolicy
}

// each constructor names its scripts itself, so that a bundle holds only the algorithms that its program uses
const make = (algorithm: Algorithm, scripts: LimitScripts, options: Options): RateLimit => ({
  algorithm,
  scripts,
  limit: options.limit,
  window: Duration.decode(options.window),
  burst: options.limit,
  onUnavailable: options.onUnavailable
})

/**
 * A window starts with the first call that is allowed and ends `window` later, whatever is called in between; the next call
 * that is allowed starts the next one.
 *
 * Promise: in one window no more than `limit`. So in *any* time of that length less than twice the limit, when the end of
 * one window and the start of the next fall into it. Costs one number a key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fixedWindow = (options: Options): RateLimit => make("FixedWindow", FixedWindow.scripts, options)

/**
 * Each call that is allowed is remembered for `window`.
 *
 * Promise: in *any* time of that length (its end excluded) no more than `limit`, and no call is rejected that could be
 * allowed without breaking this. Costs one entry of a sorted set for each call that was allowed in the last window, so up
 * to `limit` of them a key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slidingLog = (options: Options): RateLimit => make("SlidingLog", SlidingLog.scripts, options)

/**
 * Windows of the calendar, counted from 1970. What was allowed in the previous one counts by the part of it that the last
 * `window` still covers, as if it had been spread evenly.
 *
 * Promise: in one window of the calendar no more than `limit`. In any time of that length that ends with a call, at the
 * part `f` of its window, no more than `limit + f * previous`, where `previous` was allowed in the window before: exact
 * where that was spread evenly, less than twice the limit in the worst case. Costs three numbers a key.
 *
 * The limit times the window in milliseconds is below 2^52.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slidingCounter = (options: Options): RateLimit => make("SlidingCounter", SlidingCounter.scripts, options)

/**
 * A bucket of `burst` tokens (by default `limit`), full at first, into which `limit` tokens flow in a `window`, evenly; a
 * call takes as many as it costs. It is the Generic Cell Rate Algorithm of the ATM Forum (Traffic Management Specification
 * 4.0, 1996) and ITU-T Recommendation I.371, in its form of virtual scheduling.
 *
 * Promise: in any time `t` no more than `burst + t * limit / window`, in exact arithmetic, and no call is rejected that
 * could be allowed without breaking this. Costs one number a key.
 *
 * The burst times the limit is below 2^52.
 *
 * @since 0.1.0
 * @category constructors
 */
export const tokenBucket = (options: Options & { readonly burst?: number | undefined }): RateLimit => ({
  ...make("TokenBucket", TokenBucket.scripts, options),
  burst: options.burst ?? options.limit
})

/**
 * Who decided.
 *
 * - `Redis`: it was asked
 * - `Cached`: this process remembers a rejection of the same call by Redis, which still holds
 * - `Outage`: Redis could not be asked, or gave no answer, for this error: the limit's `onUnavailable` decided. After
 *   `RedisTimeout` and `RedisConnectionLost` Redis may have counted the call all the same
 *
 * @since 0.1.0
 * @category models
 */
export type Decision = Data.TaggedEnum<{
  Redis: {}
  Cached: {}
  Outage: { readonly error: RedisError }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Decision = Data.taggedEnum<Decision>()

/**
 * What is left of a limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitUsage {
  /** how much is allowed at once at most */
  readonly limit: number
  /** how much of it is allowed now */
  readonly remaining: number
  /** until the whole limit is there again if nothing more is allowed; zero when it is there */
  readonly resetAfter: Duration.Duration
  readonly decision: Decision
}

/**
 * The answer to one call.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitResult extends RateLimitUsage {
  readonly allowed: boolean
  /**
   * When the same call is allowed if no other one is allowed before it. Zero when allowed; infinity when the cost is greater
   * than the limit, so that waiting does not help.
   */
  readonly retryAfter: Duration.Duration
}

/**
 * The limit does not allow it now, nor within the time that the caller is ready to wait.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitExceeded extends Schema.TaggedError<RateLimitExceeded>()("RateLimitExceeded", {
  /** the key as the caller named it */
  key: Schema.String,
  limit: Schema.Number,
  /** infinite when the cost is greater than the limit */
  retryAfter: Schema.Duration
}) {
  override get message(): string {
    return Duration.isFinite(this.retryAfter)
      ? `the limit of "${this.key}" is used up: try again in ${Duration.format(this.retryAfter)}`
      : `the limit of "${this.key}" is ${this.limit}, and never allows as much at once`
  }
}
