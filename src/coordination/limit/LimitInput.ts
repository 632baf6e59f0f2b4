/**
 * Checks the key and the cost of a call, and turns them and its limit into the input of the limit's scripts.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
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
  { burst, limit, name: limitName, window }: RateLimit,
  cost: number
): Exit.Exit<Input, InvalidArgument> => {
  const key = KeyOwner.named(client, "ratelimit", name)
  if (Either.isLeft(key)) return ArgumentCheck.reject(command, "key", name, key.left)
  const checked = ArgumentCheck.integerFrom(command, "cost", 1, cost)
  if (Exit.isFailure(checked)) return Exit.failCause(checked.cause)
  return Exit.succeed({ key: key.right, name: limitName, cost, limit, windowMillis: Duration.toMillis(window), burst })
}
