/**
 * Rate limits as values: an algorithm, its numbers, and the policy for outages.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as ArgumentCheck from "../../redis/ArgumentCheck.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as FixedWindow from "./algorithm/FixedWindow.js"
import * as SlidingCounter from "./algorithm/SlidingCounter.js"
import * as SlidingLog from "./algorithm/SlidingLog.js"
import * as TokenBucket from "./algorithm/TokenBucket.js"
import type { LimitScripts } from "./LimitScript.js"

/**
 * What a limit decides while Redis is unavailable. It never overrules a rejection by Redis.
 *
 * - `allow`: allows every call that the limit could ever allow
 * - `deny`: allows nothing
 * - `local`: each of `processes` processes allows an equal share of the limit, counted by the same algorithm. A share is rounded
 *   down, so a limit below the number of processes allows nothing
 *
 * @since 0.1.0
 * @category models
 */
export type OutagePolicy = "allow" | "deny" | { readonly local: { readonly processes: number } }

/**
 * How a limit counts.
 *
 * @since 0.2.0
 * @category models
 */
export type Algorithm = "FixedWindow" | "SlidingLog" | "SlidingCounter" | "TokenBucket"

/**
 * A limit, made by `fixedWindow`, `slidingLog`, `slidingCounter` or `tokenBucket`, which check its numbers.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimit {
  readonly algorithm: Algorithm
  /** limits of one algorithm that share a key are counted apart by it */
  readonly name: string | undefined
  /** the scripts that decide, on the server and in the process */
  readonly scripts: LimitScripts
  /** how much is allowed in a window */
  readonly limit: number
  /** whole milliseconds */
  readonly window: Duration.Duration
  /** how much is allowed at once: the size of a token bucket, the limit of the others */
  readonly burst: number
  readonly onUnavailable: OutagePolicy
  /** Makes a limit of this algorithm with other numbers, and checks them. Settings at run time change a limit by it. */
  readonly build: (options: TokenBucketOptions) => RateLimit
}

/**
 * The numbers and the policy of a limit. A constructor throws `InvalidOption`, which names the option, for a number that
 * cannot be right or is too large to be exact.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** how much is allowed in a window, an integer of at least 0; of a token bucket at least 1 */
  readonly limit: number
  /** the time in which so much is allowed, rounded up to whole milliseconds */
  readonly window: Duration.DurationInput
  /** what the limit decides while Redis is unavailable */
  readonly onUnavailable: OutagePolicy
  /**
   * Counts this limit apart from another one of its algorithm under the same key, such as `"second"` and `"day"`, and names it in
   * HTTP headers. Printable ASCII without quotation marks, backslashes and braces. Default: no name.
   */
  readonly name?: string | undefined
}

/**
 * The numbers and the policy of a token bucket.
 *
 * @since 0.2.0
 * @category models
 */
export interface TokenBucketOptions extends Options {
  /** how many tokens the bucket holds, and so how much is allowed at once: default `limit` */
  readonly burst?: number | undefined
}

/** What a key and a structured header (RFC 9651) both carry without escapes. */
const nameText = /^[ !#-[\]-z|~]+$/

/**
 * Whether a limit can have the name.
 *
 * @since 0.2.0
 * @category guards
 */
export const isName = (name: string): boolean => nameText.test(name)

/**
 * What a name of a limit is.
 *
 * @since 0.2.0
 * @category constants
 */
export const allowedName = "printable ASCII without quotation marks, backslashes and braces"

/** From here on a product is not exact in the arithmetic of scripts, also when it is divided. */
const inexactFrom = 2 ** 52

/** Makes a limit of the numbers that every algorithm has. */
const make = (
  check: OptionCheck.OptionCheck,
  algorithm: Algorithm,
  // named by each constructor, so that a bundle holds only the algorithms that its program uses
  scripts: LimitScripts,
  build: RateLimit["build"],
  { limit, name, onUnavailable, window }: Options,
  leastLimit = 0
): RateLimit => {
  check.wholeNumber("limit", limit, { least: leastLimit })
  const windowMillis = ArgumentCheck.optionMillis(check, "window", window)
  if (typeof onUnavailable === "object") {
    check.wholeNumber("onUnavailable.local.processes", onUnavailable.local.processes)
  }
  if (name !== undefined && !isName(name)) check.reject("name", name, allowedName)
  return { algorithm, name, scripts, limit, window: Duration.millis(windowMillis), burst: limit, onUnavailable, build }
}

/**
 * Makes a fixed window. It starts with the first allowed call and ends `window` later. The next allowed call starts the next one.
 *
 * Promise: at most `limit` in one window. In *any* time of that length it is less than twice the limit. Such a time may hold the
 * end of one window and the start of the next. Costs one number for each key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fixedWindow = (options: Options): RateLimit =>
  make(OptionCheck.make("RateLimiter.fixedWindow"), "FixedWindow", FixedWindow.scripts, fixedWindow, options)

/**
 * Makes a sliding log, which keeps each allowed call for `window`.
 *
 * Promise: at most `limit` in *any* time of that length (its end excluded). It rejects no call that could be allowed without
 * breaking this. Costs one entry of a sorted set for each call of the last window, up to `limit` for each key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slidingLog = (options: Options): RateLimit =>
  make(OptionCheck.make("RateLimiter.slidingLog"), "SlidingLog", SlidingLog.scripts, slidingLog, options)

/**
 * Makes a sliding counter, whose windows are counted from 1970. The calls of the window before count by the part of it that the
 * last `window` still covers, as if they had been spread evenly.
 *
 * Promise: at most `limit` in one window. Take any time of that length that ends with a call, at the part `f` of its window. It
 * holds at most `limit + f * previous`, where `previous` was allowed in the window before. That is exact where those calls were
 * spread evenly, and less than twice the limit in the worst case. Costs three numbers for each key.
 *
 * The limit times the window in milliseconds is below 2^52.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slidingCounter = (options: Options): RateLimit => {
  const check = OptionCheck.make("RateLimiter.slidingCounter")
  const made = make(check, "SlidingCounter", SlidingCounter.scripts, slidingCounter, options)
  const windowMillis = Duration.toMillis(made.window)
  // a count is kept for two windows
  if (2 * windowMillis > ArgumentCheck.longestSeconds * 1000) {
    check.reject(
      "window",
      options.window,
      `at most ${ArgumentCheck.longestSeconds / 2} s, half of the longest time of a server`
    )
  }
  if (made.limit * windowMillis >= inexactFrom) {
    check.reject("limit", made.limit, "small enough that `limit` times `window` in milliseconds is below 2^52")
  }
  return made
}

/**
 * Makes a bucket of `burst` tokens (default `limit`), full at first. `limit` tokens flow into it evenly in each `window`, and a
 * call takes as many as it costs.
 *
 * It is the Generic Cell Rate Algorithm of the ATM Forum (Traffic Management Specification 4.0, 1996) and ITU-T I.371, as virtual
 * scheduling.
 *
 * Promise: in any time `t` at most `burst + t * limit / window`, in exact arithmetic. It rejects no call that could be allowed
 * without breaking this. Costs one number for each key.
 *
 * The burst times the limit is below 2^52.
 *
 * @since 0.1.0
 * @category constructors
 */
export const tokenBucket = (options: TokenBucketOptions): RateLimit => {
  const check = OptionCheck.make("RateLimiter.tokenBucket")
  const made = make(check, "TokenBucket", TokenBucket.scripts, tokenBucket, options, 1)
  const burst = check.wholeNumber("burst", options.burst, { least: 0 }) ?? made.limit
  if ((burst / made.limit) * Duration.toMillis(made.window) > ArgumentCheck.longestSeconds * 1000) {
    check.reject("burst", burst, `filled within ${ArgumentCheck.longestSeconds} s, the longest time of a server`)
  }
  if (burst * made.limit >= inexactFrom) {
    check.reject("burst", burst, "small enough that `burst` times `limit` is below 2^52")
  }
  return { ...made, burst }
}

/**
 * The origin of a decision.
 *
 * - `Redis`: Redis decided
 * - `Cached`: this process remembers a rejection of the same call by Redis, which still holds
 * - `Outage`: Redis was unavailable with this error, and the limit's `onUnavailable` decided. After `RedisTimeout` and
 *   `RedisConnectionLost` Redis may have counted the call
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
 * How much of a limit remains.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitUsage {
  /** the most that is allowed at once */
  readonly limit: number
  /** how much is allowed now */
  readonly remaining: number
  /** the time until the whole limit is available, if no more calls are allowed; zero when it is */
  readonly resetAfter: Duration.Duration
  readonly decision: Decision
}

/**
 * The decision on one call.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitResult extends RateLimitUsage {
  readonly allowed: boolean
  /**
   * The time until the same call is allowed, if no other call comes before it. Zero when it is allowed, infinite when the cost
   * exceeds the limit.
   */
  readonly retryAfter: Duration.Duration
}

/**
 * The decision on one call of several limits. `allowed` says whether all of them allow it. The other numbers are those of the
 * tightest limit: of a rejected call the one to wait for longest, otherwise the one with the least part of it left.
 *
 * @since 0.2.0
 * @category models
 */
export interface RateLimitsResult extends RateLimitResult {
  /** the index of the tightest limit */
  readonly tightest: number
  /** The decision of each limit, in the order of the call. Nothing was taken from any of them where one has rejected the call. */
  readonly each: ReadonlyArray<RateLimitResult>
}

/**
 * The limit rejected the call, or would not allow it within `maxWait`.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitExceeded extends Schema.TaggedError<RateLimitExceeded>()("RateLimitExceeded", {
  /** the key as the caller named it */
  key: Schema.String,
  limit: Schema.Number,
  /** infinite when the cost exceeds the limit */
  retryAfter: Schema.Duration
}) {
  override get message(): string {
    return Duration.isFinite(this.retryAfter)
      ? `the limit of "${this.key}" is exhausted: retry in ${Duration.format(this.retryAfter)}`
      : `the limit of "${this.key}" is ${this.limit}, which never allows this cost: lower the cost, or raise the limit`
  }
}
