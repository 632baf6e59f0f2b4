/**
 * What is decided while Redis cannot be asked.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as MemoryRedis from "../../redis/memory/MemoryRedis.js"
import { fromExecutor } from "../../redis/RedisCommands.js"
import type { RedisAuthError, RedisError, RedisServerError } from "../../redis/RedisError.js"
import type { Consumed, Input, Usage } from "./LimitScript.js"
import type { RateLimit } from "./RateLimit.js"
import * as Scripts from "./Scripts.js"

/**
 * After how long it is worth asking again whether Redis is back, in microseconds. Asking costs nothing.
 *
 * @since 0.1.0
 * @category constants
 */
export const askAgainMicros = 1_000_000

// Codes of a server that is there and can decide nothing: it starts, hangs in a script, has no memory left, may not write
// or has lost its primary.
const unable: ReadonlySet<string> = new Set([
  "LOADING",
  "BUSY",
  "OOM",
  "MISCONF",
  "READONLY",
  "NOREPLICAS",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "TRYAGAIN"
])

/**
 * What Redis says when it was asked and refuses the question: a key that holds something else, no rights, wrong numbers. It
 * is an error of the program or its settings, and no policy hides it.
 *
 * @since 0.1.0
 * @category errors
 */
export type Refusal = RedisAuthError | RedisServerError

/**
 * @since 0.1.0
 * @category predicates
 */
export const isOutage = (error: RedisError): error is Exclude<RedisError, RedisAuthError> =>
  error._tag === "RedisServerError" ? unable.has(error.code) : error._tag !== "RedisAuthError"

/**
 * What a limit's policy answers in the place of its scripts, and the limit it goes by.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outage {
  readonly consume: (limit: RateLimit, input: Input) => Effect.Effect<Consumed, RedisError>
  readonly peek: (limit: RateLimit, input: Input) => Effect.Effect<Usage, RedisError>
  /** Gives back to the share of this process what it has allowed; under the other policies nothing was counted. */
  readonly refund: (limit: RateLimit, input: Input) => Effect.Effect<Usage, RedisError>
  readonly reset: (limit: RateLimit, key: string) => Effect.Effect<void, RedisError>
}

/**
 * The part of a limit that one of so many processes may allow: together no more than the limit. A bucket's share is a
 * smaller bucket that fills as much more slowly.
 *
 * @since 0.1.0
 * @category utils
 */
export const shareOf = ({ algorithm }: RateLimit, input: Input, processes: number): Input => {
  const burst = Math.floor(input.burst / processes)
  return algorithm === "TokenBucket"
    ? { ...input, burst, windowMillis: input.windowMillis * processes }
    : { ...input, burst, limit: burst }
}

/**
 * The shares are counted by the same scripts on a keyspace in the process, which forgets keys beyond 10,000.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Outage> = Effect.gen(function* () {
  // nothing of it needs an end
  const executor = yield* Effect.flatMap(Scope.make(), (scope) =>
    Scope.extend(MemoryRedis.makeExecutor({ maxKeys: 10_000 }), scope)
  )
  const shares = Scripts.runners(fromExecutor(executor))

  const usage = (limit: RateLimit, input: Input, ofShare: "peek" | "refund"): Effect.Effect<Usage, RedisError> => {
    if (limit.onUnavailable === "allow") return Effect.succeed([limit.burst, 0])
    if (limit.onUnavailable === "deny") return Effect.succeed([0, askAgainMicros])
    return shares[limit.algorithm][ofShare](shareOf(limit, input, limit.onUnavailable.local.processes))
  }

  return {
    consume: (limit, input) => {
      if (input.cost > limit.burst) return Effect.map(usage(limit, input, "peek"), (usage) => [0, ...usage, -1])
      if (limit.onUnavailable === "allow") return Effect.succeed([1, limit.burst, 0, 0])
      if (limit.onUnavailable === "deny") return Effect.succeed([0, 0, askAgainMicros, askAgainMicros])
      const share = shareOf(limit, input, limit.onUnavailable.local.processes)
      return Effect.map(shares[limit.algorithm].consume(share), ([allowed, remaining, reset, retry]) => [
        allowed,
        remaining,
        reset,
        // the share never allows it, the limit does
        retry === -1 ? askAgainMicros : retry
      ])
    },
    peek: (limit, input) => usage(limit, input, "peek"),
    refund: (limit, input) => usage(limit, input, "refund"),
    reset: (limit, key) => shares[limit.algorithm].reset(key)
  }
})
