/**
 * bentocache with one layer: Redis over ioredis, with or without its auto-pipelining; or memory without serialisation, which
 * is the faster of its two ways. And with both layers, and the bus that keeps the memory of several processes right.
 */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { RedisDriver, redisBusDriver, redisDriver } from "bentocache/drivers/redis"
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

/** Counts the reads that reach Redis: the events of a `get` name the memory for both. */
class CountingDriver extends RedisDriver {
  reads = 0

  override get(key: string): Promise<string | undefined> {
    this.reads++
    return super.get(key)
  }
}

export const inBoth = (url: string, capacity: number) =>
  Effect.gen(function* () {
    const connection = yield* ioredis(url)
    const subscriber = yield* ioredis(url)
    const options = { connection, prefix: "bentocache-both" }
    let driver: CountingDriver | undefined
    const bento = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new BentoCache({
            default: "both",
            ttl: "1h",
            stores: {
              both: bentostore()
                // the second layer needs the serializer, which it takes from the first
                .useL1Layer(memoryDriver({ maxItems: capacity }))
                .useL2Layer({
                  options,
                  factory: (config) => {
                    driver = new CountingDriver({ ...options, ...config })
                    return driver
                  }
                })
                .useBus(redisBusDriver({ connection: subscriber }))
            }
          })
      ),
      // the bus has connections of its own
      (bento) => Effect.promise(() => bento.disconnectAll())
    )
    return { bento, redisReads: () => driver?.reads ?? 0 }
  })
