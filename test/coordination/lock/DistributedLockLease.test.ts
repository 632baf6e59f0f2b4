/** Holds a lock over time: renewals, losses, and the time for which it is certain. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as DistributedLock from "../../../src/coordination/DistributedLock.js"
import * as LockScripts from "../../../src/coordination/lock/LockScripts.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import { RedisTimeout } from "../../../src/redis/RedisError.js"
import * as OutageRedis from "../../support/faults/OutageRedis.js"
import { settle, until } from "../../support/until.js"

const options = { timeToLive: "10 seconds", maxWait: 0 } as const
const lost = (reason: DistributedLock.LockLost["reason"]) => new DistributedLock.LockLost({ key: "it", reason })

/** Two processes on one server, the first with a connection that can be broken. */
const world = Effect.gen(function* () {
  const server = yield* OutageRedis.make
  const connection = yield* server.connect
  const lock = yield* Effect.provideService(DistributedLock.make, RedisClient, connection.redis)
  const other = yield* Effect.provideService(DistributedLock.make, RedisClient, server.direct)
  return { server, connection, lock, other }
})

/** Time passes in small steps, so that the work of each step is done before the next one. */
const pass = (duration: Duration.DurationInput) =>
  Effect.repeatN(Effect.zipRight(TestClock.adjust(Duration.toMillis(duration) / 40), settle), 39)

/** A body that runs until it is interrupted, and records when that was. */
const body = Effect.gen(function* () {
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

const isHeld = (redis: RedisClient.Service) => Effect.map(redis.get("lock:it"), Option.isSome)

describe("a lock that is held", () => {
  it.scoped("is renewed for as long as the body runs, however short its time to live", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      const fiber = yield* Effect.fork(lock.withLock("it", options)(Effect.as(Effect.sleep("1 minute"), "done")))
      for (let second = 1; second < 60; second++) {
        yield* TestClock.adjust("1 second")
        expect(Option.isNone(yield* other.acquireLock("it", "1 second"))).toBe(true)
      }
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toBe("done")
      expect(Option.isSome(yield* other.acquireLock("it", "1 second"))).toBe(true)
    })
  )

  it.scoped("is no longer renewed once the body has ended, failed, died or was interrupted", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const long = Effect.sleep("15 seconds")
      for (const run of [long, Effect.zipRight(long, Effect.fail("no")), Effect.zipRight(long, Effect.die("no"))]) {
        const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
        yield* pass("16 seconds")
        yield* Fiber.join(fiber)
        const commands = connection.commands()
        expect(yield* isHeld(server.direct)).toBe(false)
        yield* pass("1 minute")
        expect(connection.commands()).toBe(commands)
      }
      const interrupted = yield* Effect.fork(lock.withLock("it", options)(Effect.never))
      yield* pass("15 seconds")
      yield* Fiber.interrupt(interrupted)
      const commands = connection.commands()
      expect(yield* isHeld(server.direct)).toBe(false)
      yield* pass("1 minute")
      expect(connection.commands()).toBe(commands)
    })
  )

  it.scoped("survives outages of half its time to live, whenever they begin", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const fiber = yield* Effect.fork(lock.withLock("it", options)(Effect.as(Effect.sleep("40 seconds"), "done")))
      for (const sinceThen of [0, 1_100, 2_300, 3_100, 3_330]) {
        yield* pass(Math.max(1, sinceThen))
        if (sinceThen % 200 === 100) connection.failWith(new RedisTimeout({ command: "EVALSHA", waitedMillis: 1_000 }))
        else yield* connection.cut
        yield* pass("5 seconds")
        yield* connection.restore
        yield* settle
        expect(yield* isHeld(server.direct)).toBe(true)
      }
      yield* pass("8 seconds")
      expect(yield* Fiber.join(fiber)).toBe("done")
    })
  )

  it.scoped("is renewed soon after a failed renewal, though the connection stands", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const fiber = yield* Effect.fork(lock.withLock("it", options)(Effect.as(Effect.sleep("15 seconds"), "done")))
      yield* pass("3 seconds")
      connection.failWith(new RedisTimeout({ command: "EVALSHA", waitedMillis: 1_000 }))
      yield* pass("5 seconds")
      connection.failWith(undefined)
      yield* pass("8 seconds")
      expect(yield* Fiber.join(fiber)).toBe("done")
    })
  )

  it.scoped("interrupts the fibers that the body has forked when it is released or lost", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const ended = yield* Ref.make(0)
      const child = Effect.onInterrupt(Effect.never, () => Ref.update(ended, (n) => n + 1))
      const forking = Effect.zipLeft(Effect.fork(child), Effect.yieldNow())
      yield* lock.withLock("it", options)(forking)
      expect(yield* Ref.get(ended)).toBe(1)
      const fiber = yield* Effect.fork(
        Effect.exit(lock.withLock("it", options)(Effect.zipRight(forking, Effect.never)))
      )
      yield* settle
      yield* server.direct.del("lock:it")
      yield* pass("4 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* Ref.get(ended)).toBe(2)
    })
  )

  it.scoped("is not re-entrant: its own body waits for it until `maxWait` has passed", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const inner = lock.withLock("it", { timeToLive: "10 seconds", maxWait: "3 seconds" })(
        Effect.dieMessage("the body ran")
      )
      const fiber = yield* Effect.fork(lock.withLock("it", options)(Effect.flip(inner)))
      yield* pass("4 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(new DistributedLock.LockNotAcquired({ key: "it" }))
      expect(yield* isHeld(server.direct)).toBe(false)
    })
  )

  it.scoped("is lost before its time to live ends when Redis stays away", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const { interrupted, run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      yield* connection.cut
      yield* pass("8990 millis")
      expect(yield* interrupted).toBe(false)
      yield* pass("10 millis")
      expect(yield* interrupted).toBe(true)
      expect(yield* isHeld(server.direct)).toBe(true)
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Unproven")))
    })
  )

  it.scoped("counts its time from the request, not from the reply", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const { interrupted, run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      const answer = yield* Effect.succeed(connection.holdReplies(LockScripts.extend.name))
      // asked at 3.34 s, answered at 8 s
      yield* pass("8 seconds")
      yield* answer
      yield* settle
      yield* connection.cut
      yield* pass("4300 millis")
      expect(yield* interrupted).toBe(false)
      yield* pass("100 millis")
      expect(yield* interrupted).toBe(true)
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Unproven")))
    })
  )

  it.scoped("is not granted by a reply that took longer than its time to live", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const answer = connection.holdReplies(LockScripts.acquire.name)
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(Effect.dieMessage("the body ran"))))
      yield* pass("9 seconds")
      yield* answer
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Unproven")))
    })
  )

  it.scoped("is lost without waiting for a server that hangs", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const { run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      const letExtended = connection.holdReplies(LockScripts.extend.name)
      const letReleased = connection.holdReplies(LockScripts.release.name)
      yield* pass("9 seconds")
      expect(yield* Fiber.poll(fiber)).toEqual(Option.some(Exit.succeed(Exit.fail(lost("Unproven")))))
      yield* Effect.zipRight(letExtended, letReleased)
    })
  )

  it.scoped("is lost when another caller holds it, and that caller keeps it", () =>
    Effect.gen(function* () {
      const { lock, other, server } = yield* world
      const { interrupted, run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      yield* server.direct.del("lock:it")
      expect(Option.isSome(yield* other.acquireLock("it", "1 minute"))).toBe(true)
      yield* pass("4 seconds")
      expect(yield* interrupted).toBe(true)
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("TakenOver")))
      expect(yield* isHeld(server.direct)).toBe(true)
    })
  )

  it.scoped("is lost when it is no longer in Redis", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const { run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      yield* server.direct.del("lock:it")
      yield* pass("4 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* isHeld(server.direct)).toBe(false)
    })
  )

  it.scoped("is lost at the reconnection to a server that has lost its data", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const { run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLock("it", options)(run)))
      yield* running
      yield* settle
      yield* connection.cut
      yield* server.direct.flushDb
      yield* connection.restore
      // no time passes
      yield* until("it is lost", () => Effect.map(Fiber.poll(fiber), Option.isSome))
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Gone")))
    })
  )

  it.scoped("works in an uninterruptible caller, and waits for an uninterruptible part of the body", () =>
    Effect.gen(function* () {
      const { connection, lock, server } = yield* world
      const fiber = yield* Effect.fork(
        Effect.uninterruptible(lock.withLock("it", options)(Effect.as(Effect.sleep("15 seconds"), "done")))
      )
      yield* pass("16 seconds")
      expect(yield* Fiber.join(fiber)).toBe("done")
      expect(yield* isHeld(server.direct)).toBe(false)

      const ended = yield* Ref.make(false)
      const stubborn = yield* Effect.fork(
        Effect.exit(
          lock.withLock(
            "it",
            options
          )(Effect.uninterruptible(Effect.zipRight(Effect.sleep("15 seconds"), Ref.set(ended, true))))
        )
      )
      yield* settle
      yield* connection.cut
      yield* pass("14 seconds")
      expect(yield* Fiber.poll(stubborn)).toEqual(Option.none())
      yield* pass("2 seconds")
      expect(yield* Fiber.join(stubborn)).toEqual(Exit.fail(lost("Unproven")))
      expect(yield* Ref.get(ended)).toBe(true)
    })
  )

  it.scoped("leaves the body's own scope to the body's caller", () =>
    Effect.gen(function* () {
      const { lock } = yield* world
      const closed = yield* Ref.make(false)
      const scope = yield* Scope.make()
      yield* lock
        .withLock(
          "it",
          options
        )(Effect.addFinalizer(() => Ref.set(closed, true)))
        .pipe(Scope.extend(scope))
      expect(yield* Ref.get(closed)).toBe(false)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Ref.get(closed)).toBe(true)
    })
  )

  it.scoped("reports for how long it is certain, which is zero once it is lost", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      const held = Option.getOrThrow(yield* lock.tryAcquire("it", options))
      const remaining = Effect.map(held.remaining, Duration.toMillis)
      expect(yield* remaining).toBe(9_000)
      yield* settle
      yield* connection.cut
      yield* pass("2 seconds")
      expect(yield* remaining).toBe(7_000)
      yield* connection.restore
      yield* settle
      expect(yield* remaining).toBe(9_000)
      yield* connection.cut
      // the clock leaps, as it does for a program that was suspended
      yield* TestClock.adjust("1 minute")
      expect(yield* remaining).toBe(0)
      expect(yield* Effect.exit(held.whileHeld(Effect.dieMessage("it ran")))).toEqual(Exit.fail(lost("Unproven")))
    })
  )
})

describe("tryAcquire", () => {
  it.scoped("holds until its scope ends, and tries once when another caller holds the lock", () =>
    Effect.gen(function* () {
      const { connection, lock, other, server } = yield* world
      const scope = yield* Scope.make()
      const held = yield* Scope.extend(lock.tryAcquire("it", options), scope)
      expect(Option.isSome(held)).toBe(true)
      yield* pass("1 minute")
      expect(Option.isNone(yield* other.tryAcquire("it", options))).toBe(true)
      yield* Scope.close(scope, Exit.void)
      expect(yield* isHeld(server.direct)).toBe(false)

      yield* other.acquireLock("it", "1 minute")
      const commands = connection.commands()
      expect(Option.isNone(yield* lock.tryAcquire("it", options))).toBe(true)
      expect(connection.commands()).toBe(commands + 1)
    })
  )

  it.scoped("reports the loss, and interrupts the effects that run while it is held", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const held = Option.getOrThrow(yield* lock.tryAcquire("it", options))
      const { interrupted, run, running } = yield* body
      const bound = yield* Effect.fork(Effect.exit(held.whileHeld(run)))
      const told = yield* Effect.fork(Effect.exit(held.lost))
      yield* running
      yield* server.direct.flushDb
      yield* pass("4 seconds")
      expect(yield* Fiber.join(bound)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* Fiber.join(told)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* interrupted).toBe(true)
    })
  )
})

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

describe("withLocks", () => {
  const keys = ["b", "a", "b", "c"] as const

  it.scoped("holds every lock, each with a fencing token, and releases all of them", () =>
    Effect.gen(function* () {
      const { lock, other, server } = yield* world
      const fences = yield* lock.withLocks(
        keys,
        options
      )(([b, a, again, c]) =>
        Effect.gen(function* () {
          expect([b.key, a.key, c.key]).toEqual(["b", "a", "c"])
          expect(again).toBe(b)
          for (const key of keys) expect(Option.isNone(yield* other.acquireLock(key, "1 second"))).toBe(true)
          return [a, b, c].map(({ fencingToken }) => fencingToken)
        })
      )
      expect(fences.every((fence) => fence > 0)).toBe(true)
      for (const key of keys) expect(yield* server.direct.get(`lock:${key}`)).toEqual(Option.none())
    })
  )

  it.scoped("holds none when one of them is not acquired, and names that one", () =>
    Effect.gen(function* () {
      const { lock, other, server } = yield* world
      yield* other.acquireLock("b", "1 minute")
      const error = yield* Effect.flip(lock.withLocks(keys, options)(Effect.dieMessage("the body ran")))
      expect(error).toEqual(new DistributedLock.LockNotAcquired({ key: "b" }))
      expect(yield* server.direct.get("lock:a")).toEqual(Option.none())
      expect(yield* server.direct.get("lock:c")).toEqual(Option.none())
    })
  )

  it.scoped("waits for all of them together no longer than `maxWait`", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      yield* other.acquireLock("a", "4 seconds")
      yield* other.acquireLock("b", "1 minute")
      const fiber = yield* Effect.fork(
        Effect.flip(lock.withLocks(["a", "b"], { timeToLive: "10 seconds", maxWait: "6 seconds" })(Effect.void))
      )
      yield* pass("5990 millis")
      expect(yield* Fiber.poll(fiber)).toEqual(Option.none())
      yield* pass("10 millis")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "LockNotAcquired", key: "b" })
    })
  )

  it.scoped("cannot deadlock, in whatever order its callers name the keys", () =>
    Effect.gen(function* () {
      const { lock, other } = yield* world
      const asked = [
        ["x", "y", "z"],
        ["z", "y", "x"],
        ["y", "z", "x"]
      ]
      const inside = yield* Ref.make(0)
      const exclusive = Effect.gen(function* () {
        expect(yield* Ref.getAndUpdate(inside, (n) => n + 1)).toBe(0)
        yield* Effect.sleep("10 millis")
        yield* Ref.update(inside, (n) => n - 1)
      })
      const fiber = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 30 }, (_, i) => i),
          (i) =>
            (i % 2 === 0 ? lock : other).withLocks(asked[i % 3] ?? [], {
              timeToLive: "10 seconds",
              maxWait: "8 seconds"
            })(exclusive),
          { concurrency: "unbounded", discard: true }
        )
      )
      yield* pass("8 seconds")
      expect(Option.map(yield* Fiber.poll(fiber), Exit.isSuccess)).toEqual(Option.some(true))
    })
  )

  it.scoped("interrupts the body when one of them is lost", () =>
    Effect.gen(function* () {
      const { lock, server } = yield* world
      const { run, running } = yield* body
      const fiber = yield* Effect.fork(Effect.exit(lock.withLocks(["a", "it"], options)(run)))
      yield* running
      yield* server.direct.del("lock:it")
      yield* pass("4 seconds")
      expect(yield* Fiber.join(fiber)).toEqual(Exit.fail(lost("Gone")))
      expect(yield* server.direct.get("lock:a")).toEqual(Option.none())
    })
  )

  it.scoped("runs the body alone when there are no keys", () =>
    Effect.gen(function* () {
      const { connection, lock } = yield* world
      expect(yield* lock.withLocks([], options)(Effect.succeed("done"))).toBe("done")
      expect(connection.commands()).toBe(0)
    })
  )
})
