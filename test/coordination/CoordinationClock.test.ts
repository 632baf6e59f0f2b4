/** A change of the wall clock by an hour affects neither locks nor limits. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as RateLimiter from "../../src/coordination/RateLimiter.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { RedisUnavailable } from "../../src/redis/RedisError.js"
import * as FailingRedis from "../support/faults/FailingRedis.js"
import * as OutageRedis from "../support/faults/OutageRedis.js"
import { runFor } from "../support/faults/ScriptedDriver.js"
import { eachWay } from "../support/JumpingClock.js"

const options = { timeToLive: "10 seconds", maxWait: 0 } as const
const away = new RedisUnavailable({ reason: "Disconnected" })

const world = Effect.gen(function* () {
  const server = yield* OutageRedis.make
  const connection = yield* server.connect
  const lock = yield* Effect.provideService(DistributedLock.make, RedisClient, connection.redis)
  const other = yield* Effect.provideService(DistributedLock.make, RedisClient, server.direct)
  return { connection, lock, other }
})

describe("a wall clock that is set by an hour", () => {
  it.scoped("leaves a lock with its holder, which continues to renew it", () =>
    eachWay((jump) =>
      Effect.gen(function* () {
        const { lock, other } = yield* world
        const holding = yield* Effect.fork(lock.withLock("it", options)(Effect.as(Effect.sleep("30 seconds"), "done")))
        yield* runFor(5_000)
        yield* jump
        for (let second = 5; second < 29; second++) {
          yield* runFor(1_000)
          expect(Option.isNone(yield* other.acquireLock("it", "1 second"))).toBe(true)
        }
        yield* runFor(2_000)
        expect(yield* Fiber.join(holding)).toBe("done")
      })
    )
  )

  it.scoped("does not change how long a lock is certain that its holder cannot renew", () =>
    eachWay((jump) =>
      Effect.gen(function* () {
        const { connection, lock } = yield* world
        const holding = yield* Effect.fork(lock.withLock("it", options)(Effect.never))
        yield* runFor(0)
        yield* connection.cut
        yield* jump
        yield* runFor(8_999)
        expect(holding.unsafePoll()).toBeNull()
        yield* runFor(1)
        expect(yield* Fiber.await(holding)).toEqual(
          Exit.fail(new DistributedLock.LockLost({ key: "it", reason: "Unproven" }))
        )
      })
    )
  )

  it.scoped("does not change the share of a limit that a process has while Redis is away", () =>
    eachWay((jump) =>
      Effect.gen(function* () {
        const failure = yield* FailingRedis.failure
        const context = yield* Layer.build(FailingRedis.layer(failure, MemoryRedis.layer()))
        const limiter = yield* Effect.provide(RateLimiter.make, context)
        yield* Ref.set(failure, Option.some(away))
        const limit = RateLimiter.slidingLog({
          limit: 8,
          window: "1 minute",
          onUnavailable: { local: { processes: 4 } }
        })
        const consume = Effect.map(limiter.consume("key", limit), ({ allowed }) => allowed)
        expect([yield* consume, yield* consume, yield* consume]).toEqual([true, true, false])
        yield* jump
        yield* runFor(Duration.toMillis("59 seconds"))
        expect(yield* consume).toBe(false)
        yield* runFor(1_000)
        expect(yield* consume).toBe(true)
      })
    )
  )
})
