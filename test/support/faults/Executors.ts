/**
 * Clients of which a test replaces operations of the executor.
 */
import type { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisCommands from "../../../src/redis/RedisCommands.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"

/** Builds a client on the executor of another one, with some operations replaced. */
export const replacing = (
  redis: RedisClient.Service,
  operations: (executor: RedisExecutor.RedisExecutor) => Partial<RedisExecutor.RedisExecutor>
): RedisClient.Service => {
  const executor = RedisExecutor.of(redis)
  return RedisCommands.fromExecutor({ ...executor, ...operations(executor) })
}
