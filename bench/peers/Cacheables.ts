/**
 * cacheable with one store: @keyv/redis, or its own memory; and with both.
 */
import KeyvRedis from "@keyv/redis"
import { Cacheable, CacheableMemory, KeyvCacheableMemory } from "cacheable"
import * as Effect from "effect/Effect"
import { Keyv } from "keyv"
import { allKeys } from "../measure/Keys.js"

const store = (url: string, namespace: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const adapter = new KeyvRedis(url, { namespace })
      await adapter.getClient()
      return adapter
    }),
    (adapter) => Effect.promise(() => adapter.disconnect(true))
  )

export const onRedis = (url: string) =>
  Effect.map(store(url, "cacheable"), (adapter) => new Cacheable({ primary: new Keyv(adapter), ttl: "1h" }))

export const inBoth = (url: string, capacity: number) =>
  Effect.map(store(url, "cacheable-both"), (adapter) => {
    const secondary = new Keyv(adapter, { stats: true })
    const primary = new Keyv({ store: new KeyvCacheableMemory({ lruSize: capacity }) })
    return { cacheable: new Cacheable({ primary, secondary, ttl: "1h" }), redisReads: () => secondary.stats.hits }
  })

/** @keyv/redis alone, as an application without tiers uses it. */
export const keyv = (url: string) =>
  Effect.map(store(url, "keyv"), (adapter) => new Keyv(adapter, { ttl: 3_600_000, namespace: "keyv" }))

export const inMemory = () =>
  new Cacheable({ primary: new Keyv({ store: new KeyvCacheableMemory({ lruSize: 2 * allKeys }) }), ttl: "1h" })

/** cacheable's memory alone: synchronous. */
export const bareMemory = () => new CacheableMemory({ lruSize: 2 * allKeys, ttl: "1h" })
