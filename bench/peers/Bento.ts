/**
 * bentocache with one layer each: Redis over ioredis, with or without its auto-pipelining; or memory without
 * serialisation, which is the faster of its two ways.
 */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { redisDriver } from "bentocache/drivers/redis"
import * as Effect from "effect/Effect"
import type { RedisOptions } from "ioredis"
import { allKeys } from "../measure/Keys.js"
import { ioredis } from "./Clients.js"

export const onRedis = (url: string, options?: Pick<RedisOptions, "enableAutoPipelining">) =>
  Effect.map(
    ioredis(url, options),
    (connection) =>
      new BentoCache({
        default: "redis",
        ttl: "1h",
        stores: { redis: bentostore().useL2Layer(redisDriver({ connection, prefix: "bentocache" })) }
      })
  )

export const inMemory = () =>
  new BentoCache({
    default: "memory",
    ttl: "1h",
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 2 * allKeys, serialize: false })) }
  })
