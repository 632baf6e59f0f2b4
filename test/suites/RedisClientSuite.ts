/** What every RedisClient answers, whatever stands behind it. */
import type { Vitest } from "@effect/vitest"
import type { RedisClient } from "../../src/redis/RedisClient.js"
import { contract as commands } from "./redisClient/Commands.js"
import { contract as connection } from "./redisClient/Connection.js"
import { contract as scripts } from "./redisClient/Scripts.js"

export const contract = (it: Vitest.MethodsNonLive<RedisClient, true>): void => {
  commands(it)
  connection(it)
  scripts(it)
}
