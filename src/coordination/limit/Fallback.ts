/**
 * Decides for a limit while Redis is unavailable, by the limit's `onUnavailable`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvalidArgument, RedisAuthError, RedisError } from "../../redis/RedisError.js"
import * as LimitRunner from "./LimitRunner.js"
import type { Consumed, Input, Usage } from "./LimitScript.js"
import type { RateLimit } from "./RateLimit.js"

/** The wait that a rejected caller is given, in microseconds: Redis may be back by then, and asking costs nothing. */
const retryMicros = 1_000_000

// Codes of a server that answers and cannot decide. It is starting, runs a long script, is out of memory, may not write, or has
// lost its primary.
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
 * Whether Redis is unavailable for a limit. A wrong type under the key, missing rights or wrong arguments are mistakes of
 * the program or its settings, which no policy hides.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isOutage = (error: RedisError): error is Exclude<RedisError, RedisAuthError | InvalidArgument> =>
  error._tag === "RedisServerError"
    ? unable.has(error.code)
    : error._tag !== "RedisAuthError" && error._tag !== "InvalidArgument"

/**
 * Answers in the place of the scripts, by the policy of the limit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fallback {
  readonly consume: (limit: RateLimit, input: Input) => Effect.Effect<Consumed>
  readonly peek: (limit: RateLimit, input: Input) => Effect.Effect<Usage>
  /** Returns to this process's share what it has allowed. The other policies have counted nothing. */
  readonly refund: (limit: RateLimit, input: Input) => Effect.Effect<Usage>
  /** Takes from this process's share. The other policies count nothing. */
  readonly penalize: (limit: RateLimit, input: Input) => Effect.Effect<Usage>
  readonly block: (limit: RateLimit, key: string, millis: number) => Effect.Effect<void>
  readonly reset: (limit: RateLimit, key: string) => Effect.Effect<void>
  /** Decides several limits in one step, each by its own policy. */
  readonly consumeAll: (calls: ReadonlyArray<LimitCall>, takes: boolean) => Effect.Effect<ReadonlyArray<Consumed>>
}

/**
 * One limit of a call, and what is asked of it.
 *
 * @since 0.2.0
 * @category models
 */
export interface LimitCall {
  readonly limit: RateLimit
  readonly input: Input
}

/**
 * The part of a limit that each of several processes may allow, so that all parts together stay within the limit. A bucket's
 * share is a smaller bucket that fills more slowly in proportion.
 */
const shareOf = ({ algorithm }: RateLimit, input: Input, processes: number): Input => {
  const burst = Math.floor(input.burst / processes)
  return algorithm === "TokenBucket"
    ? { ...input, burst, windowMillis: input.windowMillis * processes }
    : { ...input, burst, limit: burst }
}

/** A cost above the share is within the limit, and Redis allows it when it is back. */
const whileAway = ([allowed, remaining, reset, retry]: Consumed): Consumed => [
  allowed,
  remaining,
  reset,
  retry === -1 ? retryMicros : retry
]

/**
 * Counts shares with the models of the same scripts, inside the process. Nothing is built before the first outage of a
 * limit whose policy is `local`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Fallback => {
  let local: LimitRunner.InProcess | undefined
  const counts = () => {
    local ??= LimitRunner.inProcess()
    return local
  }
  const shares = ({ scripts }: RateLimit) => counts().of(scripts)

  const usage = (limit: RateLimit, input: Input, operation: "peek" | "refund" | "penalize"): Effect.Effect<Usage> => {
    if (limit.onUnavailable === "allow") return Effect.succeed([limit.burst, 0])
    if (limit.onUnavailable === "deny") return Effect.succeed([0, retryMicros])
    return shares(limit)[operation](shareOf(limit, input, limit.onUnavailable.local.processes))
  }

  const consume: Fallback["consume"] = (limit, input) => {
    if (input.cost > limit.burst) return Effect.map(usage(limit, input, "peek"), (usage) => [0, ...usage, -1])
    if (limit.onUnavailable === "allow") return Effect.succeed([1, limit.burst, 0, 0])
    if (limit.onUnavailable === "deny") return Effect.succeed([0, 0, retryMicros, retryMicros])
    const share = shareOf(limit, input, limit.onUnavailable.local.processes)
    return Effect.map(shares(limit).consume(share), whileAway)
  }

  return {
    consume,
    consumeAll: (calls, takes) =>
      Effect.gen(function* () {
        const counted: Array<LimitCall & { readonly processes: number }> = []
        const replies: Array<Consumed | undefined> = []
        for (const { input, limit } of calls) {
          const { onUnavailable } = limit
          if (typeof onUnavailable === "object" && input.cost <= limit.burst) {
            counted.push({ limit, input, processes: onUnavailable.local.processes })
            replies.push(undefined)
          } else replies.push(yield* consume(limit, input))
        }
        if (counted.length === 0) return replies.filter((reply) => reply !== undefined)
        const ofShares = yield* counts().joint(
          counted.map(({ input, limit, processes }) => ({
            scripts: limit.scripts,
            input: shareOf(limit, input, processes)
          })),
          takes && replies.every((reply) => reply === undefined || reply[0] === 1)
        )
        const next = ofShares.values()
        return replies.map((reply) => reply ?? whileAway(next.next().value ?? [0, 0, retryMicros, retryMicros]))
      }),
    peek: (limit, input) => usage(limit, input, "peek"),
    refund: (limit, input) => usage(limit, input, "refund"),
    penalize: (limit, input) => usage(limit, input, "penalize"),
    // the shares of other policies count nothing that a block could end
    block: (limit, key, millis) =>
      typeof limit.onUnavailable === "object" ? shares(limit).block(key, millis, limit.name) : Effect.void,
    reset: (limit, key) => (local === undefined ? Effect.void : local.of(limit.scripts).reset(key, limit.name))
  }
}
