/** Waits for a lock: when callers resume, which of them asks Redis, and what remains when none waits. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as LockScripts from "../../../src/coordination/lock/LockScripts.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { RedisAuthError, RedisConnectionLost, RedisUnavailable } from "../../../src/redis/RedisError.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { pass, settle, until } from "../../support/until.js"

const options = { timeToLive: "10 seconds", maxWait: "5 seconds" } as const

const lockOn = (redis: RedisClient.Service) => Effect.provideService(DistributedLock.make, RedisClient, redis)

const world = Effect.gen(function* () {
  const server = yield* OutageRedis.make
  const [here, there] = [yield* server.connect, yield* server.connect]
  return { server, here, there, lock: yield* lockOn(here.redis), other: yield* lockOn(there.redis) }
})

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Starts waiting callers one after the other, until all of them wait. */
const waiters = <A, E>(count: number, wait: (number: number) => Effect.Effect<A, E>) =>
  Effect.forEach(numbers(count), (number) => Effect.zipLeft(Effect.fork(wait(number)), settle))

const tokenOf = (lock: DistributedLock.DistributedLock.Service, timeToLive: "1 minute" | "3 seconds" = "1 minute") =>
  Effect.map(lock.acquireLock("it", timeToLive), Option.getOrThrow)

/** Locks on a client that loses replies to `acquire`, after the server has run it. */
const losingReplies = (
  redis: RedisClient.Service,
  loses: (reply: unknown) => boolean,
  before: Effect.Effect<void> = Effect.void
) =>
  lockOn({
    ...redis,
    run: (script) => {
      const run = redis.run(script)
      if (script.name !== LockScripts.acquire.name) return run
      return (input) =>
        Effect.tap(run(input), (reply) =>
          loses(reply) ? Effect.zipRight(before, new RedisConnectionLost({ command: "EVALSHA" })) : Effect.void
        )
    }
  })

const hasEnded = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  until("it has ended", () => Effect.map(Fiber.poll(fiber), Option.isSome))

describe("a caller that waits for a lock", () => {
  it.scoped("resumes at the release, in its own process and in others, though no time passes", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      const token = yield* tokenOf(other)
      const [first] = yield* waiters(1, () => lock.withLock("it", options)(Effect.succeed("my turn")))
      yield* other.releaseLock("it", token)
      if (first !== undefined) yield* hasEnded(first)

      // a caller that waits behind others is resumed by the one before it
      const release = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(lock.withLock("it", options)(Deferred.await(release)))
      yield* settle
      const all = yield* waiters(6, (n) => (n % 2 === 0 ? lock : other).withLock("it", options)(Effect.succeed(n)))
      yield* Deferred.succeed(release, undefined)
      yield* hasEnded(holder)
      yield* Effect.forEach(all, hasEnded)
      expect(yield* Fiber.join(Fiber.all(all))).toEqual(numbers(6))
    })
  )

  it.scoped("announces itself, and a release is published for those that are announced alone", () =>
    Effect.gen(function* () {
      const { here, lock, other, server } = yield* world
      const heard = yield* Ref.make(0)
      yield* Effect.forkScoped(
        Stream.runForEach(here.redis.subscribe("{lock:it}:released"), ({ _tag }) =>
          _tag === "Message" ? Ref.update(heard, (n) => n + 1) : Effect.void
        )
      )
      yield* settle
      const isAnnounced = Effect.map(server.direct.get("{lock:it}:waiting"), Option.isSome)
      yield* other.withLock("it", options)(Effect.void)
      // a caller that tries once does not wait
      const once = lock.withLock("it", { ...options, maxWait: 0 })(Effect.void)
      yield* other.withLock("it", options)(Effect.flip(once))
      yield* settle
      expect(yield* Ref.get(heard)).toBe(0)

      const token = yield* tokenOf(other)
      const [waiter] = yield* waiters(1, () => lock.withLock("it", options)(Effect.succeed("my turn")))
      expect(yield* isAnnounced).toBe(true)
      yield* other.releaseLock("it", token)
      yield* until("its turn is over", () => waiter?.unsafePoll() !== null)
      yield* settle
      expect(yield* Ref.get(heard)).toBe(1)
      expect(yield* isAnnounced).toBe(false)

      // the announcement of a caller that no longer waits expires
      yield* tokenOf(other)
      const [gone] = yield* waiters(1, () => lock.withLock("it", options)(Effect.void))
      if (gone !== undefined) yield* Fiber.interrupt(gone)
      expect(yield* isAnnounced).toBe(true)
      yield* pass("5 seconds")
      expect(yield* isAnnounced).toBe(false)
    })
  )

  it.scoped("polls too, and so acquires it also when the message of the release is lost", () =>
    Effect.gen(function* () {
      const { here, lock, other } = yield* world
      const token = yield* tokenOf(other)
      const [waiter] = yield* waiters(1, () => lock.withLock("it", options)(Effect.succeed("my turn")))
      here.deafen(true)
      yield* other.releaseLock("it", token)
      yield* settle
      expect(waiter?.unsafePoll()).toBeNull()
      yield* TestClock.adjust("200 millis")
      expect(waiter?.unsafePoll()).toEqual(Exit.succeed("my turn"))
    })
  )

  it.scoped("acquires it when the time of a holder that died has ended", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      yield* tokenOf(other, "3 seconds")
      const [waiter] = yield* waiters(1, () => lock.withLock("it", options)(Effect.succeed("my turn")))
      yield* TestClock.adjust("2990 millis")
      expect(waiter?.unsafePoll()).toBeNull()
      yield* pass("22 millis")
      expect(waiter?.unsafePoll()).toEqual(Exit.succeed("my turn"))
    })
  )

  it.scoped("queues behind others of its process: a hundred callers ask no oftener than one", () =>
    Effect.gen(function* () {
      const { here, lock, other } = yield* world
      yield* tokenOf(other)
      const all = yield* Effect.forEach(numbers(100), () => Effect.fork(lock.withLock("it", options)(Effect.void)))
      yield* settle
      const before = here.commands()
      yield* pass("2100 millis")
      expect(here.commands() - before).toBeLessThan(45)
      expect(here.commands() - before).toBeGreaterThan(9)
      yield* Fiber.interruptAll(all)
    })
  )

  it.scoped("acquires it in order of arrival, in one process", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      const token = yield* tokenOf(other)
      const order = yield* Ref.make<ReadonlyArray<number>>([])
      const all = yield* waiters(20, (n) => lock.withLock("it", options)(Ref.update(order, (done) => [...done, n])))
      yield* other.releaseLock("it", token)
      yield* Effect.forEach(all, hasEnded)
      expect(yield* Ref.get(order)).toEqual(numbers(20))
    })
  )

  it.scoped("moves up when the callers before it are interrupted, or have waited for `maxWait`", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      const token = yield* tokenOf(other)
      const patience = ["5 seconds", "1 second", "5 seconds", "2 seconds", "5 seconds"] as const
      const all = yield* waiters(patience.length, (n) =>
        lock.withLock("it", { timeToLive: "10 seconds", maxWait: patience[n] ?? 0 })(Effect.succeed(n))
      )
      const [first, second, third, fourth, last] = all
      if (first === undefined || third === undefined) return yield* Effect.dieMessage("nobody waits")
      yield* Fiber.interrupt(first)
      yield* pass("2100 millis")
      expect(second?.unsafePoll()).toMatchObject({ cause: { error: { _tag: "LockNotAcquired" } } })
      expect(fourth?.unsafePoll()).toMatchObject({ cause: { error: { _tag: "LockNotAcquired" } } })
      yield* Fiber.interrupt(third)
      yield* other.releaseLock("it", token)
      yield* until("the last one has had its turn", () => last?.unsafePoll() !== null)
      expect(last?.unsafePoll()).toEqual(Exit.succeed(4))
    })
  )

  it.scoped("fails at once when Redis becomes unavailable, also behind others", () =>
    Effect.gen(function* () {
      const { here, lock, other } = yield* world
      yield* tokenOf(other)
      const all = yield* waiters(10, () => lock.withLock("it", options)(Effect.dieMessage("the body ran")))
      yield* here.cut
      yield* TestClock.adjust("200 millis")
      for (const waiter of all) {
        yield* hasEnded(waiter)
        expect(yield* Effect.flip(Fiber.join(waiter))).toEqual(new RedisUnavailable({ reason: "Disconnected" }))
      }
    })
  )

  it.scoped("shares one subscription with the others, which ends with the last of them", () =>
    Effect.gen(function* () {
      const { here, other } = yield* world
      let [listening, subscriptions] = [0, 0]
      const lock = yield* lockOn({
        ...here.redis,
        subscribe: (channel) =>
          Stream.unwrapScoped(
            Effect.as(
              Effect.acquireRelease(
                Effect.sync(() => {
                  subscriptions++
                  listening++
                }),
                () =>
                  Effect.sync(() => {
                    listening--
                  })
              ),
              here.redis.subscribe(channel)
            )
          )
      })
      yield* lock.withLock("it", options)(Effect.void)
      expect(subscriptions).toBe(0)
      const token = yield* tokenOf(other)
      const all = yield* waiters(5, () => lock.withLock("it", options)(Effect.void))
      expect([listening, subscriptions]).toEqual([1, 1])
      yield* Fiber.interruptAll(all.slice(1))
      yield* settle
      expect(listening).toBe(1)
      yield* other.releaseLock("it", token)
      yield* Effect.forEach(all, hasEnded)
      yield* until("nobody listens", () => listening === 0)
      expect(subscriptions).toBe(1)
    })
  )

  it.scoped("polls when the user may not subscribe, which is tried once", () =>
    Effect.gen(function* () {
      const { here, other } = yield* world
      let subscriptions = 0
      const rejected = new RedisAuthError({ reason: "NoPermission", command: "SUBSCRIBE", detail: "NOPERM" })
      const lock = yield* lockOn({
        ...here.redis,
        subscribe: () =>
          Stream.fromEffect(
            Effect.suspend(() => {
              subscriptions++
              return Effect.fail(rejected)
            })
          )
      })
      for (let round = 0; round < 3; round++) {
        const token = yield* tokenOf(other)
        const [waiter] = yield* waiters(1, () => lock.withLock("it", options)(Effect.succeed("my turn")))
        yield* other.releaseLock("it", token)
        yield* TestClock.adjust("200 millis")
        expect(waiter?.unsafePoll()).toEqual(Exit.succeed("my turn"))
      }
      expect(subscriptions).toBe(1)
    })
  )

  it.scoped("is not overtaken by a later caller of its process, though the lock is free for a moment", () =>
    Effect.gen(function* () {
      const { here, lock, other } = yield* world
      const token = yield* tokenOf(other)
      const order = yield* Ref.make<ReadonlyArray<number>>([])
      const wait = (n: number) => lock.withLock("it", options)(Ref.update(order, (done) => [...done, n]))
      const early = yield* waiters(3, wait)
      // the release is heard of late
      here.deafen(true)
      yield* other.releaseLock("it", token)
      const late = yield* Effect.fork(wait(3))
      yield* settle
      yield* pass("1000 millis")
      yield* Effect.forEach([...early, late], hasEnded)
      expect(yield* Ref.get(order)).toEqual(numbers(4))
    })
  )

  it.scoped("fails at once when Redis is unavailable, also behind a caller that retries after a lost reply", () =>
    Effect.gen(function* () {
      const { here, other } = yield* world
      let repliesToLose = 0
      const lock = yield* losingReplies(here.redis, () => repliesToLose-- > 0)
      const token = yield* tokenOf(other)
      const [first, ...behind] = yield* waiters(4, () => lock.withLock("it", options)(Effect.succeed("my turn")))
      // the request of the first one, and its repetition
      repliesToLose = 2
      yield* TestClock.adjust("200 millis")
      yield* settle
      yield* here.cut
      yield* TestClock.adjust("200 millis")
      for (const waiter of behind) {
        yield* hasEnded(waiter)
        expect(yield* Effect.flip(Fiber.join(waiter))).toEqual(new RedisUnavailable({ reason: "Disconnected" }))
      }
      expect(first?.unsafePoll()).toBeNull()
      const late = yield* Effect.flip(lock.withLock("it", options)(Effect.dieMessage("the body ran")))
      expect(late).toEqual(new RedisUnavailable({ reason: "Disconnected" }))

      yield* here.restore
      yield* other.releaseLock("it", token)
      yield* TestClock.adjust("200 millis")
      if (first !== undefined) yield* hasEnded(first)
      expect(first?.unsafePoll()).toEqual(Exit.succeed("my turn"))
    })
  )

  it.scoped("is not blocked by callers that wait for the lock that a lost reply had granted to it", () =>
    Effect.gen(function* () {
      const { here } = yield* world
      const letLost = yield* Deferred.make<void>()
      let lostReplies = 0
      const lock = yield* losingReplies(
        here.redis,
        // its own request and its repetition, and no rejection
        (reply) => Array.isArray(reply) && reply[0] === 1 && ++lostReplies <= 2,
        Deferred.await(letLost)
      )
      const [holder] = yield* waiters(1, () => lock.withLock("it", options)(Effect.succeed("mine all along")))
      const behind = yield* waiters(3, (n) => lock.withLock("it", options)(Effect.succeed(n)))
      yield* Deferred.succeed(letLost, undefined)
      yield* settle
      yield* pass("1000 millis")
      expect(holder?.unsafePoll()).toEqual(Exit.succeed("mine all along"))
      expect(yield* Fiber.join(Fiber.all(behind))).toEqual([0, 1, 2])
    })
  )

  it.scoped("returns to the queue when it is rejected after a lost reply, and asks no longer out of turn", () =>
    Effect.gen(function* () {
      const { here, other } = yield* world
      let repliesToLose = 0
      let asked = 0
      const lock = yield* losingReplies(here.redis, () => {
        asked++
        return repliesToLose-- > 0
      })
      const token = yield* tokenOf(other)
      // the request of each and its repetition, so that all of them wait on for what may be their own
      repliesToLose = 8
      const all = yield* waiters(4, (n) => lock.withLock("it", options)(Effect.succeed(n)))
      yield* pass("600 millis")
      asked = 0
      yield* pass("2000 millis")
      // one that asks does so at pauses of at least half of 200 ms; four of them twice as often
      expect(asked).toBeLessThanOrEqual(20)
      yield* other.releaseLock("it", token)
      yield* pass("500 millis")
      expect(Array.from(yield* Fiber.join(Fiber.all(all))).toSorted()).toEqual(numbers(4))
    })
  )
})
