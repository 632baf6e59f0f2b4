/**
 * Checks the key and the cost of a call, and turns them and its limit into the input of the limit's scripts.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ArgumentCheck from "../../redis/ArgumentCheck.js"
import * as KeyOwner from "../../redis/KeyOwner.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { InvalidArgument } from "../../redis/RedisError.js"
import type { Input } from "./LimitScript.js"
import type { RateLimit } from "./RateLimit.js"

/**
 * Checks a call on a limit. Fails with `InvalidArgument` when the cost cannot be right, or when something else owns the key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  command: string,
  client: RedisClient.Service,
  name: string,
  { burst, limit, window }: RateLimit,
  cost: number
): Effect.Effect<Input, InvalidArgument> =>
  Effect.zipWith(
    KeyOwner.keyOf(command, client, "ratelimit", name),
    ArgumentCheck.integerFrom(command, "cost", 1, cost),
    (key): Input => ({ key, cost, limit, windowMillis: Duration.toMillis(window), burst })
  )
