/** What locks and semaphores answer while a real server is down. */
import { describe, expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../../src/coordination/DistributedSemaphore.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { available, connect, eventually, inTime, test, title } from "../../support/faults/FaultSuite.js"
import * as RedisServer from "../../support/server/RedisServer.js"

const options = { timeToLive: "1 minute", maxWait: "1 hour" } as const

describe("while the server is down", () => {
  test(title("every way to acquire a lock or permit fails at once, though its caller would wait for an hour"), () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const redis = yield* connect({ port: server.port })
      yield* available(redis)
      const lock = yield* Effect.provideService(DistributedLock.make, RedisClient, redis)
      const semaphore = yield* Effect.provideService(DistributedSemaphore.make, RedisClient, redis)
      const scope = yield* Scope.make()
      const body = Effect.dieMessage("the body ran")

      // one caller that runs, and several that wait behind it
      const running = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(
        lock.withLock("held", options)(Effect.zipRight(Deferred.succeed(running, undefined), Deferred.await(goOn)))
      )
      yield* Deferred.await(running)
      const waiting = yield* Effect.replicateEffect(
        Effect.fork(Effect.flip(lock.withLock("held", { ...options, maxWait: "5 seconds" })(body))),
        20
      )

      yield* server.kill
      yield* eventually(
        "the client knows",
        Effect.map(redis.isAvailable, (is) => !is)
      )
      const attempts: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        lock.withLock("free", options)(body),
        lock.withLock("held", options)(body),
        lock.withLocks(["free", "held"], options)(body),
        Scope.extend(lock.tryAcquire("free", options), scope),
        lock.acquireLock("free", "1 minute"),
        lock.releaseLock("free", DistributedLock.LockToken.make("none")),
        semaphore.withPermit("free", { ...options, permits: 3 })(body),
        Scope.extend(semaphore.tryAcquire("free", { ...options, permits: 3 }), scope)
      ]
      for (const attempt of attempts) {
        expect(yield* inTime(Effect.flip(attempt))).toMatchObject({ _tag: "RedisUnavailable" })
      }
      for (const waiter of waiting) {
        // a caller whose reply was lost retries until `maxWait` has passed, and fails with its first or last error
        expect((yield* inTime(Fiber.join(waiter)))._tag).toMatch(/^Redis(Unavailable|ConnectionLost|Timeout)$/)
      }
      // the body that runs is not disturbed
      yield* Deferred.succeed(goOn, undefined)
      yield* inTime(Fiber.join(holder))
    })
  )
})
