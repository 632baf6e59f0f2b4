/**
 * How often something may happen, counted in Redis for all processes together.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import * as RedisScript from "../redis/RedisScript.js"
import { integerFrom, wholeMillis } from "./arguments.js"

/**
 * @since 0.1.0
 * @category services
 */
export class RateLimiter extends Context.Tag("effect-cache-toolkit/RateLimiter")<RateLimiter, RateLimiter.Service>() {}

/**
 * What is left of a limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitUsage {
  readonly limit: number
  /** how much more is allowed before the window ends */
  readonly remaining: number
  /** until the whole limit is there again; zero when no window runs */
  readonly resetAfter: Duration.Duration
}

/**
 * The answer to one call.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitResult extends RateLimitUsage {
  readonly allowed: boolean
  /** zero when allowed; infinity when the cost is greater than the limit, so that waiting does not help */
  readonly retryAfter: Duration.Duration
}

/**
 * @since 0.1.0
 */
export declare namespace RateLimiter {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Counts `cost` (default 1) against `limit` if that much is left in the window, else counts nothing. The window starts
     * with the first call that is allowed and ends `window` later, whatever is called in between; the next allowed call
     * starts the next one. So no more than `limit` is allowed in one window, and up to twice that across the border of two.
     *
     * Fails with `RedisServerError`, code `ERR`, when limit or cost are no integers (from 0, from 1) or the window is not
     * positive. May not be repeated blindly after `RedisTimeout` or `RedisConnectionLost`: the first call may have counted.
     */
    readonly fixedWindow: (options: {
      readonly key: string
      readonly limit: number
      readonly window: Duration.DurationInput
      readonly cost?: number | undefined
    }) => Effect.Effect<RateLimitResult, RedisError>

    /** Reads the running window of `fixedWindow` and counts nothing; the whole limit when no window runs. */
    readonly peek: (options: {
      readonly key: string
      readonly limit: number
    }) => Effect.Effect<RateLimitUsage, RedisError>
  }
}

/**
 * The count is a string under the key, its window is the key's time to live. A count without one (left by a program that
 * sets them by two commands and died in between) is no running window: it would lock its caller out for ever.
 *
 * The reply is whether the call is allowed, what remains, and the milliseconds until the window ends.
 *
 * @since 0.1.0
 * @category scripts
 */
export const fixedWindowScript = RedisScript.make({
  name: "rateLimiter.fixedWindow",
  idempotent: false,
  keys: (input: {
    readonly key: string
    readonly limit: number
    readonly windowMillis: number
    readonly cost: number
  }) => [input.key],
  args: (input) => [input.limit, input.windowMillis, input.cost],
  lua: `
    local limit, cost = tonumber(ARGV[1]), tonumber(ARGV[3])
    local used = tonumber(redis.call("GET", KEYS[1])) or 0
    local left = redis.call("PTTL", KEYS[1])
    local running = left > 0
    if not running then used, left = 0, 0 end
    if used + cost > limit then
      return {0, math.floor(math.max(limit - used, 0)), math.floor(left)}
    end
    if running then
      redis.call("INCRBY", KEYS[1], ARGV[3])
    else
      redis.call("SET", KEYS[1], ARGV[3], "PX", ARGV[2])
      left = tonumber(ARGV[2])
    end
    return {1, math.floor(limit - used - cost), math.floor(left)}
  `,
  reply: Schema.Tuple(Schema.Int, Schema.Int, Schema.Int),
  model: ({ keys: [key = ""], args: [limit = "", window = "", cost = ""], call }) => {
    const counted = Number(call("GET", key) ?? 0) || 0
    const left = Number(call("PTTL", key))
    const running = left > 0
    const used = running ? counted : 0
    if (used + Number(cost) > Number(limit))
      return [0, Math.max(Math.floor(Number(limit) - used), 0), running ? left : 0]
    if (running) call("INCRBY", key, cost)
    else call("SET", key, cost, "PX", window)
    return [1, Number(limit) - used - Number(cost), running ? left : Number(window)]
  }
})

/**
 * What remains, and the milliseconds until the window ends: 0 when none runs.
 *
 * @since 0.1.0
 * @category scripts
 */
export const peekScript = RedisScript.make({
  name: "rateLimiter.peek",
  idempotent: true,
  keys: (input: { readonly key: string; readonly limit: number }) => [input.key],
  args: (input) => [input.limit],
  lua: `
    local limit = tonumber(ARGV[1])
    local used = tonumber(redis.call("GET", KEYS[1])) or 0
    local left = redis.call("PTTL", KEYS[1])
    if left <= 0 then return {math.floor(limit), 0} end
    return {math.floor(math.max(limit - used, 0)), math.floor(left)}
  `,
  reply: Schema.Tuple(Schema.Int, Schema.Int),
  model: ({ keys: [key = ""], args: [limit = ""], call }) => {
    const used = Number(call("GET", key) ?? 0) || 0
    const left = Number(call("PTTL", key))
    return left <= 0 ? [Number(limit), 0] : [Math.max(Math.floor(Number(limit) - used), 0), left]
  }
})

/**
 * The guide's key `ratelimit:<action>:<id>`. Colons of the action are percent-encoded, so that no two pairs of action and
 * id share a key. `InvalidKey` when one of them cannot be part of a key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const key = (action: string, id: string): Either.Either<string, RedisKey.InvalidKey> =>
  Either.flatMap(RedisKey.make("ratelimit", action), (prefix) =>
    RedisKey.make(`ratelimit:${prefix.slice("ratelimit:".length).replaceAll(":", "%3A")}`, id)
  )

/**
 * A rate limiter on the client in the context.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { RateLimiter } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const limiter = yield* RateLimiter.make
 *   const key = yield* RateLimiter.key("login", "user-1")
 *   const result = yield* limiter.fixedWindow({ key, limit: 5, window: "1 minute" })
 *   return result.allowed ? "go ahead" : `try again in ${result.retryAfter}`
 * })
 */
export const make: Effect.Effect<RateLimiter.Service, never, RedisClient> = Effect.map(RedisClient, (client) => {
  const runFixedWindow = client.run(fixedWindowScript)
  const runPeek = client.run(peekScript)

  return RateLimiter.of({
    fixedWindow: Effect.fnUntraced(function* ({ key, limit, window, cost = 1 }) {
      yield* integerFrom(fixedWindowScript.name, "the limit", 0, limit)
      yield* integerFrom(fixedWindowScript.name, "the cost", 1, cost)
      const windowMillis = yield* wholeMillis(fixedWindowScript.name, "the window", window)
      const [allowed, remaining, leftMillis] = yield* runFixedWindow({ key, limit, windowMillis, cost })
      const resetAfter = Duration.millis(leftMillis)
      const retryAfter = allowed === 1 ? Duration.zero : cost > limit ? Duration.infinity : resetAfter
      return { allowed: allowed === 1, limit, remaining, resetAfter, retryAfter }
    }),
    peek: Effect.fnUntraced(function* ({ key, limit }) {
      yield* integerFrom(peekScript.name, "the limit", 0, limit)
      const [remaining, leftMillis] = yield* runPeek({ key, limit })
      return { limit, remaining, resetAfter: Duration.millis(leftMillis) }
    })
  })
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RateLimiter, never, RedisClient> = Layer.effect(RateLimiter, make)
