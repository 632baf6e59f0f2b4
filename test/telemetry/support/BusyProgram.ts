/** A program that uses every part of the toolkit, and meets an outage: its metrics have every name. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TypedCache from "../../../src/cache/TypedCache.js"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../../src/coordination/DistributedSemaphore.js"
import * as RateLimiter from "../../../src/coordination/RateLimiter.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisConfig from "../../../src/redis/RedisConfig.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"

/** What is in each key and in the password: neither may be a part of any metric. */
export const secret = "s3cr3t"

/** Runs until the client has seen the server end. */
export const run = Effect.gen(function* () {
  const server = yield* RedisServer.make({ password: secret })
  const address = yield* RedisConfig.fromUrl(Redacted.make(server.url))
  const context = yield* Layer.build(driverUnderTest.layer(address))
  yield* Effect.provide(
    Effect.gen(function* () {
      const redis = yield* RedisClient
      yield* until("the client is connected", () => redis.isAvailable)
      const cache = yield* TypedCache.make({
        name: "busy",
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        local: { capacity: 2, timeToLive: "1 minute" },
        tags: () => ["all"],
        lookup: (id) => (id.endsWith("missing") ? Effect.fail("missing" as const) : Effect.succeed(id.length))
      })
      // of another name: what is pushed would change the counts of the first one
      yield* TypedCache.make({
        name: "tracked",
        key: Schema.String,
        value: Schema.Number,
        timeToLive: "1 minute",
        local: { capacity: 2, tracking: true },
        lookup: () => Effect.succeed(0)
      })
      const ids = Array.from({ length: 5 }, (_, i) => `${secret}-${i}`)
      yield* Effect.forEach([...ids, ...ids, ...ids], cache.get, { concurrency: "unbounded" })
      yield* Effect.forEach(ids, cache.get)
      yield* Effect.flip(cache.get(`${secret}-missing`))
      yield* cache.invalidateTag("all")
      const limiter = yield* RateLimiter.make
      const limit = RateLimiter.fixedWindow({ limit: 1, window: "1 hour", onUnavailable: "deny" })
      const once = limiter.withLimit(secret, limit, { onExceeded: "delay", maxWait: 1 })
      yield* once(Effect.void)
      yield* Effect.flip(once(Effect.void))
      const locks = yield* DistributedLock.make
      const semaphores = yield* DistributedSemaphore.make
      const held = { timeToLive: "2 seconds", maxWait: 0 } as const
      const locked = locks.withLock(secret, held)
      yield* semaphores.withPermit(secret, { ...held, permits: 1 })(locked(Effect.flip(locked(Effect.void))))
      // the lock is deleted under its holder, which hears of it by the next renewal
      yield* Effect.flip(locked(Effect.zipRight(redis.del(`lock:${secret}`), Effect.never)))
      yield* server.kill
      yield* until("the client has noticed the end", () => Effect.map(redis.isAvailable, (isAvailable) => !isAvailable))
      yield* Effect.flip(redis.get(secret))
      yield* cache.get(`${secret}-degraded`)
    }),
    context
  )
})
