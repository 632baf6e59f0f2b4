/**
 * The peers' clients, each set up as its documentation recommends for many small commands.
 */
import * as Effect from "effect/Effect"
import { Redis, type RedisOptions } from "ioredis"
import { createClient } from "redis"

/** ioredis, which gathers the commands of a turn when asked to, as it is here unless the options say otherwise. */
export const ioredis = (url: string, options: Pick<RedisOptions, "enableAutoPipelining"> = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Redis(url, { enableAutoPipelining: true, lazyConnect: true, ...options })
      await client.connect()
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

/** node-redis, which sends the commands of a turn together. */
export const nodeRedis = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(() => createClient({ url }).connect()),
    (client) => Effect.sync(() => client.destroy())
  )
