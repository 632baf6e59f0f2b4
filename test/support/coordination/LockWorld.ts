/** Two processes that share a lock, and what they run while they hold it. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as OutageRedis from "../faults/OutageRedis.js"

export const options = { timeToLive: "10 seconds", maxWait: 0 } as const

export const lost = (reason: DistributedLock.LockLost["reason"]) => new DistributedLock.LockLost({ key: "it", reason })

/** Two processes on one server, the first with a connection that can be broken. */
export const world = Effect.gen(function* () {
  const server = yield* OutageRedis.make
  const connection = yield* server.connect
  const lock = yield* Effect.provideService(DistributedLock.make, RedisClient, connection.redis)
  const other = yield* Effect.provideService(DistributedLock.make, RedisClient, server.direct)
  return { server, connection, lock, other }
})

/** A body that runs until it is interrupted, and records when that was. */
export const body = Effect.gen(function* () {
  const running = yield* Deferred.make<void>()
  const interrupted = yield* Ref.make(false)
  return {
    running: Deferred.await(running),
    interrupted: Ref.get(interrupted),
    run: Effect.zipRight(Deferred.succeed(running, undefined), Effect.never).pipe(
      Effect.onInterrupt(() => Ref.set(interrupted, true))
    )
  }
})

export const isHeld = (redis: RedisClient.Service) => Effect.map(redis.get("lock:it"), Option.isSome)
