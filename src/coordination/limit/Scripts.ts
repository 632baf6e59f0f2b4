/**
 * The scripts of each algorithm, and running them for a limit on a client.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError, RedisServerError } from "../../redis/RedisError.js"
import { exactProduct, integerFrom, wholeKey, wholeMillis } from "../ArgumentChecks.js"
import * as FixedWindow from "./FixedWindow.js"
import type { Consumed, Input, LimitScripts, Usage } from "./LimitScript.js"
import type { RateLimit } from "./RateLimit.js"
import * as SlidingCounter from "./SlidingCounter.js"
import * as SlidingLog from "./SlidingLog.js"
import * as TokenBucket from "./TokenBucket.js"

/**
 * @since 0.1.0
 * @category scripts
 */
export const scriptsOf: Record<RateLimit["algorithm"], LimitScripts> = {
  FixedWindow: FixedWindow.scripts,
  SlidingLog: SlidingLog.scripts,
  SlidingCounter: SlidingCounter.scripts,
  TokenBucket: TokenBucket.scripts
}

/**
 * The scripts of one algorithm on one client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Runner {
  readonly consume: (input: Input) => Effect.Effect<Consumed, RedisError>
  readonly peek: (input: Input) => Effect.Effect<Usage, RedisError>
  readonly refund: (input: Input) => Effect.Effect<Usage, RedisError>
  readonly reset: (key: string) => Effect.Effect<void, RedisError>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const runners = (client: RedisClient.Service): Record<RateLimit["algorithm"], Runner> => {
  const runner = (scripts: LimitScripts): Runner => ({
    consume: client.run(scripts.consume),
    peek: client.run(scripts.peek),
    refund: client.run(scripts.refund),
    reset: (key) => Effect.asVoid(client.del(scripts.keyOf(key)))
  })
  return {
    FixedWindow: runner(scriptsOf.FixedWindow),
    SlidingLog: runner(scriptsOf.SlidingLog),
    SlidingCounter: runner(scriptsOf.SlidingCounter),
    TokenBucket: runner(scriptsOf.TokenBucket)
  }
}

/**
 * What the scripts are given for a limit; fails with `RedisServerError`, code `ERR`, when its numbers mean nothing or are
 * too large to be exact, or when the key belongs to something else.
 *
 * @since 0.1.0
 * @category constructors
 */
export const inputOf = (
  command: string,
  client: RedisClient.Service,
  key: string,
  { algorithm, burst, limit, onUnavailable, window }: RateLimit,
  cost: number
): Effect.Effect<Input, RedisServerError> =>
  Effect.gen(function* () {
    yield* wholeKey(command, client, key, "ratelimit")
    yield* integerFrom(command, "the limit", algorithm === "TokenBucket" ? 1 : 0, limit)
    yield* integerFrom(command, "the burst", 0, burst)
    yield* integerFrom(command, "the cost", 1, cost)
    const windowMillis = yield* wholeMillis(command, "the window", window)
    if (algorithm === "SlidingCounter") {
      yield* wholeMillis(command, "twice the window", Duration.times(window, 2))
      yield* exactProduct(command, "the limit times the milliseconds of the window", limit, windowMillis)
    }
    if (algorithm === "TokenBucket") {
      const fillMillis = Math.max((burst / limit) * windowMillis, 1)
      yield* wholeMillis(command, "the time that fills the bucket", Duration.millis(fillMillis))
      yield* exactProduct(command, "the burst times the limit", burst, limit)
    }
    if (typeof onUnavailable === "object") {
      yield* integerFrom(command, "the number of processes", 1, onUnavailable.local.processes)
    }
    return { key, cost, limit, windowMillis, burst }
  })
