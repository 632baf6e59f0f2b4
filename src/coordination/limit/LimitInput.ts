/**
 * Checks the numbers of a limit and of a call, and turns them into the input of its scripts.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { InvalidArgument } from "../../redis/RedisError.js"
import { exactProduct, integerFrom, keyOf, wholeMillis } from "../ArgumentChecks.js"
import type { Input } from "./LimitScript.js"
import type { RateLimit } from "./RateLimit.js"

/**
 * Checks a call on a limit. Fails with `InvalidArgument` when a number cannot be right or is too large to be
 * exact, or when something else owns the key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  command: string,
  client: RedisClient.Service,
  name: string,
  { algorithm, burst, limit, onUnavailable, window }: RateLimit,
  cost: number
): Effect.Effect<Input, InvalidArgument> =>
  Effect.gen(function* () {
    const key = yield* keyOf(command, client, "ratelimit", name)
    yield* integerFrom(command, "limit", algorithm === "TokenBucket" ? 1 : 0, limit)
    yield* integerFrom(command, "burst", 0, burst)
    yield* integerFrom(command, "cost", 1, cost)
    const windowMillis = yield* wholeMillis(command, "window", window)
    if (algorithm === "SlidingCounter") {
      yield* wholeMillis(command, "2 * window", Duration.times(window, 2))
      yield* exactProduct(command, "limit * window", limit, windowMillis)
    }
    if (algorithm === "TokenBucket") {
      const fillMillis = Math.max((burst / limit) * windowMillis, 1)
      yield* wholeMillis(command, "burst / limit * window", Duration.millis(fillMillis))
      yield* exactProduct(command, "burst * limit", burst, limit)
    }
    if (typeof onUnavailable === "object") {
      yield* integerFrom(command, "processes", 1, onUnavailable.local.processes)
    }
    return { key, cost, limit, windowMillis, burst }
  })
