import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { RedisUnavailable } from "../../src/redis/RedisError.js"
import * as FailingRedis from "../support/faults/FailingRedis.js"
import { newUser, type World, withWorld } from "../support/PlayerWorld.js"

describe("a transfer", () => {
  const funded = (world: World) =>
    Effect.gen(function* () {
      const from = yield* newUser(world.players, "ada")
      const to = yield* newUser(world.players, "bob")
      yield* world.players.updateUserBalance(from, 100)
      yield* world.players.getUserBalance(to)
      return { from, to }
    })

  it.effect("moves the amount and leaves no old balance in the cache", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { from, to } = yield* funded(world)
        expect(yield* world.players.transfer(from, to, 30)).toEqual({ from: 70, to: 30 })
        expect(yield* world.players.getUserBalance(from)).toBe(70)
        expect(yield* world.players.getUserBalance(to)).toBe(30)
      })
    )
  )

  it.effect("moves nothing without funds, and no amount that is not a positive whole number", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { from, to } = yield* funded(world)
        expect((yield* Effect.flip(world.players.transfer(from, to, 101)))._tag).toBe("InsufficientFunds")
        for (const amount of [0, -5, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
          expect((yield* Effect.flip(world.players.transfer(from, to, amount)))._tag).toBe("InvalidAmount")
        }
        expect(yield* world.players.getUserBalance(from)).toBe(100)
        expect(yield* world.players.getUserBalance(to)).toBe(0)
      })
    )
  )

  it.effect("to oneself changes nothing and does not wait for itself", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { from } = yield* funded(world)
        expect(yield* world.players.transfer(from, from, 30)).toEqual({ from: 100, to: 100 })
      })
    )
  )

  it.effect("waits for another of the same player, and is rejected when that does not end", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { from, to } = yield* funded(world)
        const lock = yield* Effect.provideService(DistributedLock.make, RedisClient, world.redis)
        const token = Option.getOrThrow(yield* lock.acquireLock(`transfer:${to}`, "1 hour"))

        const rejected = yield* Effect.fork(Effect.flip(world.players.transfer(from, to, 30)))
        yield* TestClock.adjust("1 minute")
        expect((yield* Fiber.join(rejected))._tag).toBe("TransferBusy")
        expect(yield* world.players.getUserBalance(from)).toBe(100)

        const waiting = yield* Effect.fork(world.players.transfer(from, to, 30))
        yield* TestClock.adjust("1 second")
        yield* lock.releaseLock(`transfer:${to}`, token)
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.join(waiting)).toEqual({ from: 70, to: 30 })
      })
    )
  )

  it.effect("does not wait for one in the opposite direction that waits for it", () => {
    // other callers get their turn between any two commands, as they do with a server
    const redis = Layer.effect(
      RedisClient,
      Effect.map(RedisClient, (client) =>
        RedisClient.of({
          ...client,
          run: (script) => {
            const run = client.run(script)
            return (input) => Effect.zipRight(Effect.yieldNow(), run(input))
          }
        })
      )
    ).pipe(Layer.provide(MemoryRedis.layer()))
    return withWorld(
      (world) =>
        Effect.gen(function* () {
          const { from, to } = yield* funded(world)
          yield* world.players.updateUserBalance(to, 100)
          const transfers = yield* Effect.fork(
            Effect.forEach(
              Array.from({ length: 20 }, (_, i) => i),
              (i) => (i % 2 === 0 ? world.players.transfer(from, to, 1) : world.players.transfer(to, from, 1)),
              { concurrency: "unbounded" }
            )
          )
          yield* TestClock.adjust("1810 millis")
          const outcome = yield* Fiber.poll(transfers)
          expect(Option.map(outcome, Exit.isSuccess)).toEqual(Option.some(true))
          expect(yield* world.players.getUserBalance(from)).toBe(100)
          expect(yield* world.players.getUserBalance(to)).toBe(100)
        }),
      { redis }
    )
  })

  it.effect("happens once, protected by the database alone, while Redis is away", () =>
    Effect.gen(function* () {
      const failure = yield* FailingRedis.failure
      const transfers = yield* Ref.make(0)
      yield* withWorld(
        (world) =>
          Effect.gen(function* () {
            const { from, to } = yield* funded(world)
            yield* Ref.set(failure, Option.some(new RedisUnavailable({ reason: "Disconnected" })))
            expect(yield* world.players.transfer(from, to, 30)).toEqual({ from: 70, to: 30 })
            expect(yield* Ref.get(transfers)).toBe(1)
          }),
        {
          redis: FailingRedis.layer(failure, MemoryRedis.layer()),
          spy: (database) => ({
            transfer: (...args) =>
              Effect.zipRight(
                Ref.update(transfers, (n) => n + 1),
                database.transfer(...args)
              )
          })
        }
      )
    })
  )
})
