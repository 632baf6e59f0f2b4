/** The numbers by which a resource tells a late holder of a lock from the present one. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as LockScripts from "../../../src/coordination/lock/LockScripts.js"
import { options, world } from "../../support/coordination/LockWorld.js"

describe("fencing tokens", () => {
  const fence = (lock: DistributedLock.DistributedLock.Service, key = "it") =>
    lock.withLock(key, options)(({ fencingToken }) => Effect.succeed<number>(fencingToken))

  it.scoped("are the server's time in microseconds, and grow within one microsecond", () =>
    Effect.gen(function* () {
      const { lock } = yield* world
      yield* TestClock.setTime(1_800_000_000_000)
      const tokens = yield* Effect.replicateEffect(fence(lock), 5)
      expect(tokens).toEqual([0, 1, 2, 3, 4].map((n) => 1_800_000_000_000_000 + n))
    })
  )

  it.scoped("grow when the lock expired, when the server lost its data, and when its clock was set back", () =>
    Effect.gen(function* () {
      const { lock, other, server } = yield* world
      yield* TestClock.setTime(1_800_000_000_000)
      const tokens = [yield* fence(lock)]
      yield* other.acquireLock("it", "1 second")
      yield* TestClock.adjust("1 second")
      tokens.push(yield* fence(lock))
      yield* TestClock.setTime(1_700_000_000_000)
      tokens.push(yield* fence(other))
      yield* TestClock.setTime(1_800_000_002_000)
      yield* server.direct.flushDb
      tokens.push(yield* fence(lock))
      expect(tokens).toEqual(Array.from(new Set(tokens)).sort((a, b) => a - b))
      expect(tokens).toHaveLength(4)
    })
  )

  it.scoped("are the same when a lost reply is retried", () =>
    Effect.gen(function* () {
      const { server } = yield* world
      const ask = server.direct.run(LockScripts.acquire)
      const mine = { key: "lock:it", token: DistributedLock.LockToken.make("mine"), timeToLiveMillis: 1_000 }
      expect(yield* ask(mine)).toEqual(yield* ask(mine))
    })
  )

  it.scoped("are kept for a week", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      yield* fence(lock)
      expect(yield* server.direct.ttl("{lock:it}:fence")).toEqual(Option.some(Duration.days(7)))
    })
  )
})
