/** Permits on memory and on a server; what happens over time is in the last part, on memory alone. */
import { describe, effect, expect, scoped } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { LockLost } from "../../../src/coordination/DistributedLock.js"
import * as DistributedSemaphore from "../../../src/coordination/DistributedSemaphore.js"
import * as SemaphoreScripts from "../../../src/coordination/lock/SemaphoreScripts.js"
import { LockToken } from "../../../src/coordination/lock/Token.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { RedisTimeout, RedisUnavailable } from "../../../src/redis/RedisError.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { onEveryLayer, onMemory } from "../../support/server/clientLayers.js"
import { pass, settle, until } from "../../support/until.js"

const three = { permits: 3, timeToLive: "10 seconds", maxWait: "20 seconds" } as const
const once = { ...three, maxWait: 0 } as const

const held = (key: string) => Effect.flatMap(RedisClient, (client) => client.zcard(`semaphore:${key}`))

describe("a distributed semaphore", () => {
  onEveryLayer((it) => {
    it.effect("runs at most as many bodies at a time as it has permits, and every body in the end", () =>
      Effect.gen(function* () {
        const semaphore = yield* DistributedSemaphore.make
        const inside = yield* Ref.make(0)
        const most = yield* Ref.make(0)
        const body = Effect.gen(function* () {
          const now = yield* Ref.updateAndGet(inside, (n) => n + 1)
          yield* Ref.update(most, (before) => Math.max(before, now))
          yield* (yield* RedisClient).incr("semaphore:test:bodies")
          yield* Effect.repeatN(Effect.yieldNow(), 10)
          yield* Ref.update(inside, (n) => n - 1)
        })
        yield* Effect.replicateEffect(semaphore.withPermit("turns", three)(body), 40, {
          concurrency: "unbounded",
          discard: true
        })
        expect(yield* Ref.get(most)).toBe(3)
        expect(yield* held("turns")).toBe(0)
      })
    )

    it.effect("grants as many permits as it has, and no more until one is released", () =>
      Effect.gen(function* () {
        const semaphore = yield* DistributedSemaphore.make
        const asked = yield* Effect.replicateEffect(
          Effect.gen(function* () {
            const scope = yield* Scope.make()
            return [yield* Scope.extend(semaphore.tryAcquire("many", three), scope), scope] as const
          }),
          50,
          { concurrency: "unbounded" }
        )
        const granted = asked.filter(([lease]) => Option.isSome(lease))
        expect(granted).toHaveLength(3)
        const error = yield* Effect.flip(semaphore.withPermit("many", once)(Effect.dieMessage("the body ran")))
        expect(error).toMatchObject({ _tag: "LockNotAcquired", key: "many" })
        for (const [, scope] of granted.slice(0, 1)) yield* Scope.close(scope, Exit.void)
        expect(yield* semaphore.withPermit("many", once)(held("many"))).toBe(3)
        for (const [, scope] of granted) yield* Scope.close(scope, Exit.void)
        expect(yield* held("many")).toBe(0)
      })
    )

    it.effect("releases the permit when the body succeeds, fails or is interrupted", () =>
      Effect.gen(function* () {
        const semaphore = yield* DistributedSemaphore.make
        const permitted = semaphore.withPermit("back", once)
        expect(yield* permitted(held("back"))).toBe(1)
        expect(yield* Effect.flip(permitted(Effect.fail("the body's own")))).toBe("the body's own")
        const running = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(permitted(Effect.zipRight(Deferred.succeed(running, undefined), Effect.never)))
        yield* Deferred.await(running)
        yield* Fiber.interrupt(fiber)
        expect(yield* held("back")).toBe(0)
      })
    )

    it.effect("grants a holder several permits in one step, and never more than there are", () =>
      Effect.gen(function* () {
        const semaphore = yield* DistributedSemaphore.make
        const most = yield* Ref.make(0)
        const now = yield* Ref.make(0)
        const body = (take: number) =>
          Effect.acquireUseRelease(
            Ref.updateAndGet(now, (n) => n + take),
            (running) => Effect.zipRight(Ref.update(most, Math.max.bind(undefined, running)), Effect.yieldNow()),
            () => Ref.update(now, (n) => n - take)
          )
        // no caller waits with a part of what it wants
        yield* Effect.forEach(
          Array.from({ length: 30 }, (_, i) => [1, 3, 5][i % 3] ?? 1),
          (take) => semaphore.withPermit("several", { ...three, permits: 5, take })(body(take)),
          { concurrency: "unbounded", discard: true }
        )
        expect(yield* Ref.get(most)).toBe(5)
        expect(yield* held("several")).toBe(0)
      })
    )

    it.effect("releases several permits together, to a caller that waits for as many", () =>
      Effect.gen(function* () {
        const semaphore = yield* DistributedSemaphore.make
        const four = { ...once, permits: 4 }
        const scope = yield* Scope.make()
        expect(Option.isSome(yield* Scope.extend(semaphore.tryAcquire("as many", { ...four, take: 3 }), scope))).toBe(
          true
        )
        expect(yield* held("as many")).toBe(3)
        expect(Option.isNone(yield* Effect.scoped(semaphore.tryAcquire("as many", { ...four, take: 2 })))).toBe(true)
        expect(yield* semaphore.withPermit("as many", four)(held("as many"))).toBe(4)
        const waiting = semaphore.withPermit("as many", { ...four, take: 4, maxWait: "20 seconds" })
        const waiter = yield* Effect.fork(waiting(held("as many")))
        yield* Scope.close(scope, Exit.void)
        expect(yield* Fiber.join(waiter)).toBe(4)
        expect(yield* held("as many")).toBe(0)
      })
    )

    it.effect("grants one permit, though the granting reply was lost", () =>
      Effect.gen(function* () {
        const client = yield* RedisClient
        const lost = new RedisTimeout({ command: "EVALSHA", waitedMillis: 1_000 })
        let asked = 0
        const faulty: RedisClient.Service = {
          ...client,
          run: (script) => {
            const run = client.run(script)
            const isAcquire = script.name === SemaphoreScripts.acquire.name
            return (input) =>
              Effect.filterOrFail(
                run(input),
                () => !isAcquire || ++asked > 1,
                () => lost
              )
          }
        }
        const semaphore = yield* Effect.provideService(DistributedSemaphore.make, RedisClient, faulty)
        expect(yield* semaphore.withPermit("lost", once)(held("lost"))).toBe(1)
        expect(asked).toBe(2)
        expect(yield* held("lost")).toBe(0)
      })
    )

    it.effect(
      "rejects an empty key, a time to live that no server keeps, a maxWait below 0 and a wrong number of permits",
      () =>
        Effect.gen(function* () {
          const semaphore = yield* DistributedSemaphore.make
          const rejection = (key: string, options: DistributedSemaphore.DistributedSemaphore.Options) =>
            Effect.either(semaphore.withPermit(key, options)(Effect.dieMessage("the body ran")))
          expect(Either.flip(yield* rejection("", once))).toMatchObject({ right: { _tag: "InvalidKey" } })
          for (const wrong of [
            { permits: 0 },
            { permits: 1.5 },
            { take: 0 },
            { take: 1.5 },
            { take: 4 },
            { timeToLive: 0 },
            { maxWait: -1 },
            { maxWait: Number.NaN }
          ]) {
            expect(Either.flip(yield* rejection("rejected", { ...once, ...wrong }))).toMatchObject({
              right: { _tag: "InvalidArgument" }
            })
          }
          expect(yield* held("rejected")).toBe(0)
        })
    )
  })
})

// not the methods of `it`: `layer` replaces those that the whole file shares
describe("a permit over time", () => {
  const world = Effect.gen(function* () {
    const server = yield* OutageRedis.make
    const connection = yield* server.connect
    const semaphore = yield* Effect.provideService(DistributedSemaphore.make, RedisClient, connection.redis)
    const other = yield* Effect.provideService(DistributedSemaphore.make, RedisClient, server.direct)
    return { server, connection, semaphore, other }
  })
  const one = { ...once, permits: 1 }

  scoped("is kept for as long as the body runs, also through an outage of half its time to live", () =>
    Effect.gen(function* () {
      const { connection, other, semaphore } = yield* world
      const fiber = yield* Effect.fork(semaphore.withPermit("it", one)(Effect.as(Effect.sleep("40 seconds"), "done")))
      yield* pass(33_000)
      expect(yield* Effect.flip(other.withPermit("it", one)(Effect.void))).toMatchObject({ _tag: "LockNotAcquired" })
      yield* connection.cut
      yield* pass(5_000)
      yield* connection.restore
      yield* pass(2_000)
      expect(yield* Fiber.join(fiber)).toBe("done")
      expect(yield* other.withPermit("it", one)(Effect.succeed("next"))).toBe("next")
    })
  )

  scoped("is lost before its time to live ends when Redis stays away, and then comes back to others", () =>
    Effect.gen(function* () {
      const { connection, other, semaphore } = yield* world
      const interrupted = yield* Ref.make(false)
      const fiber = yield* Effect.fork(
        Effect.exit(semaphore.withPermit("it", one)(Effect.onInterrupt(Effect.never, () => Ref.set(interrupted, true))))
      )
      yield* settle
      yield* connection.cut
      yield* pass(8_990)
      expect(yield* Ref.get(interrupted)).toBe(false)
      yield* pass(10)
      expect(yield* Ref.get(interrupted)).toBe(true)
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(new LockLost({ key: "it", reason: "Unproven" })))
      expect(yield* Effect.flip(other.withPermit("it", one)(Effect.void))).toMatchObject({ _tag: "LockNotAcquired" })
      yield* TestClock.adjust("1 second")
      expect(yield* other.withPermit("it", one)(Effect.succeed("next"))).toBe("next")
    })
  )

  scoped("is renewed and lost together with the others of its holder", () =>
    Effect.gen(function* () {
      const { connection, other, semaphore } = yield* world
      const two = { ...one, permits: 3, take: 2 }
      const fiber = yield* Effect.fork(Effect.exit(semaphore.withPermit("it", two)(Effect.never)))
      yield* pass(33_000)
      expect(yield* Effect.flip(other.withPermit("it", two)(Effect.void))).toMatchObject({ _tag: "LockNotAcquired" })
      expect(yield* other.withPermit("it", { ...two, take: 1 })(Effect.succeed("the third"))).toBe("the third")
      yield* connection.cut
      yield* pass(9_000)
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(new LockLost({ key: "it", reason: "Unproven" })))
      yield* TestClock.adjust("1 second")
      expect(yield* other.withPermit("it", { ...two, take: 3 })(Effect.succeed("all"))).toBe("all")
    })
  )

  scoped("is lost when Redis does not know it any more", () =>
    Effect.gen(function* () {
      const { connection, semaphore, server } = yield* world
      const fiber = yield* Effect.fork(Effect.exit(semaphore.withPermit("it", one)(Effect.never)))
      yield* settle
      yield* connection.cut
      yield* server.direct.flushDb
      yield* connection.restore
      yield* until("it is lost", () => Effect.map(Fiber.poll(fiber), Option.isSome))
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(new LockLost({ key: "it", reason: "Gone" })))
    })
  )

  scoped("resumes a waiting caller when it is released, though no time passes", () =>
    Effect.gen(function* () {
      const { other, semaphore } = yield* world
      const scope = yield* Scope.make()
      yield* Scope.extend(other.tryAcquire("it", one), scope)
      const waiter = yield* Effect.fork(semaphore.withPermit("it", { ...three, permits: 1 })(Effect.succeed("my turn")))
      yield* settle
      expect(waiter.unsafePoll()).toBeNull()
      yield* Scope.close(scope, Exit.void)
      yield* until("it had its turn", () => waiter.unsafePoll() !== null)
      expect(yield* Fiber.join(waiter)).toBe("my turn")
    })
  )

  scoped("fails at once while Redis is away", () =>
    Effect.gen(function* () {
      const { connection, semaphore } = yield* world
      yield* connection.cut
      const exit = yield* Effect.exit(semaphore.withPermit("it", three)(Effect.dieMessage("the body ran")))
      expect(exit).toEqual(Exit.fail(new RedisUnavailable({ reason: "Disconnected" })))
    })
  )

  effect("of a holder that died comes back, and its key ends with the last one", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const semaphore = yield* DistributedSemaphore.make
      const dead = (token: string, timeToLiveMillis: number) =>
        client.run(SemaphoreScripts.acquire)({
          key: "semaphore:dead",
          token: LockToken.make(token),
          permits: 2,
          timeToLiveMillis
        })
      yield* dead("long", 60_000)
      yield* dead("short", 5_000)
      const both = { ...once, permits: 2 }
      expect(yield* Effect.flip(semaphore.withPermit("dead", both)(Effect.void))).toMatchObject({
        _tag: "LockNotAcquired"
      })
      yield* TestClock.adjust("5 seconds")
      expect(yield* semaphore.withPermit("dead", both)(held("dead"))).toBe(2)
      expect(yield* held("dead")).toBe(1)
      yield* TestClock.adjust("55 seconds")
      expect(yield* client.ttl("semaphore:dead")).toEqual(Option.none())
    }).pipe(Effect.provide(onMemory))
  )
})
