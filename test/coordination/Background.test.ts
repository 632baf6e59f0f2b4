/** The background work for a holder runs without the FiberRefs and the retry policy of its caller. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../src/coordination/DistributedSemaphore.js"
import * as Presence from "../../src/coordination/Presence.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { ConnectionState } from "../../src/redis/RedisStatus.js"
import * as OutageRedis from "../support/faults/OutageRedis.js"
import { settle } from "../support/until.js"

const ref = FiberRef.unsafeMake("nobody's")
const asCaller = Effect.locally(ref, "the caller's")

/** A client, and the caller of each script and channel. */
const world = Effect.gen(function* () {
  const server = yield* OutageRedis.make
  const { redis } = yield* server.connect
  const asked: Array<string> = []
  const note = (what: string) => Effect.map(FiberRef.get(ref), (whose) => asked.push(`${what} ${whose}`))
  const client = RedisClient.of({
    ...redis,
    run: (script) => (input) => Effect.zipRight(note(script.name), redis.run(script)(input)),
    subscribe: (channel) => Stream.unwrap(Effect.as(note("subscribe"), redis.subscribe(channel))),
    statusChanges: Stream.unwrap(
      Effect.as(note("status"), Stream.concat(Stream.make(ConnectionState.Connected({ generation: 1 })), Stream.never))
    )
  })
  const on = <A, E>(make: Effect.Effect<A, E, RedisClient>) => Effect.provideService(make, RedisClient, client)
  return { asked, on }
})

const options = { timeToLive: "3 seconds", maxWait: "1 minute" } as const

describe("the background work for a caller", () => {
  it.scoped("renews a lock, and listens to connections and releases, without the context of its caller", () =>
    Effect.gen(function* () {
      const { asked, on } = yield* world
      const lock = yield* on(DistributedLock.make)
      const holding = yield* Effect.fork(asCaller(lock.withLock("it", options)(Effect.never)))
      yield* settle
      const waiting = yield* Effect.fork(asCaller(lock.withLock("it", options)(Effect.void)))
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* settle
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(holding)
      expect(asked).toContain("distributedLock.acquire the caller's")
      expect(asked).toContain("distributedLock.release the caller's")
      for (const what of ["distributedLock.extend", "subscribe", "status"]) {
        expect(asked.filter((each) => each.startsWith(what))).toContain(`${what} nobody's`)
        expect(asked).not.toContain(`${what} the caller's`)
      }
    })
  )

  it.scoped("renews a permit without the context of its caller", () =>
    Effect.gen(function* () {
      const { asked, on } = yield* world
      const semaphore = yield* on(DistributedSemaphore.make)
      const holding = yield* Effect.fork(asCaller(semaphore.withPermit("it", { ...options, permits: 1 })(Effect.never)))
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* settle
      yield* Fiber.interrupt(holding)
      expect(asked).toContain("distributedSemaphore.extend nobody's")
      expect(asked).not.toContain("distributedSemaphore.extend the caller's")
    })
  )

  it.effect("beats for a member without the context of its caller", () =>
    Effect.gen(function* () {
      const { asked, on } = yield* world
      const online = yield* on(Presence.make({ key: "background", timeToLive: "3 seconds" }))
      const scope = yield* Scope.make()
      yield* asCaller(Scope.extend(online.stayOnline("ada"), scope))
      asked.length = 0
      yield* TestClock.adjust("2 seconds")
      yield* settle
      expect(asked.length).toBeGreaterThan(0)
      expect(new Set(asked)).toEqual(new Set(["presence.beat nobody's"]))
    }).pipe(Effect.scoped)
  )
})
