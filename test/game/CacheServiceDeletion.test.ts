import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as CacheService from "../../src/game/CacheService.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import { GameId, GameState, UserId } from "../../src/game/Player.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { RedisTimeout } from "../../src/redis/RedisError.js"
import * as FailingRedis from "../support/faults/FailingRedis.js"

const ada = UserId.make("ada")
const game = GameId.make("g-1")
const state = GameState.make({
  id: game,
  players: [ada],
  status: "waiting",
  round: 0,
  startedAt: DateTime.unsafeMake(0)
})

describe("with values kept in the process", () => {
  const localSettings = ConfigProvider.fromMap(new Map([["CACHE_LOCAL_TTL", "10"]]))

  /** Two processes on one Redis: the same layer, built twice. */
  const twoProcesses = <A, E>(
    body: (
      one: CacheService.CacheService.Service,
      other: CacheService.CacheService.Service,
      redis: RedisClient.Service
    ) => Effect.Effect<A, E>
  ) =>
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const process = Layer.build(Layer.fresh(CacheService.layerConfig)).pipe(
        Effect.map(Context.get(CacheService.CacheService)),
        Effect.withConfigProvider(localSettings)
      )
      const one = yield* process
      const other = yield* process
      return yield* body(one, other, redis)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(MemoryRedis.layer(), MemoryDatabase.layer)))

  const sourceOf = (cache: CacheService.CacheService.Service) =>
    Effect.map(
      cache.getUserBalanceResult(ada),
      Option.map(({ source }) => source)
    )

  /** messages are delivered by a fiber of the other process */
  const delivered = TestClock.adjust("1 millis")

  it.effect("they are served from there, for as long as the variable says", () =>
    twoProcesses((one, other, redis) =>
      Effect.gen(function* () {
        yield* one.setUserBalance(ada, 5)
        yield* delivered
        expect(yield* sourceOf(other)).toEqual(Option.some("Redis"))
        expect(yield* sourceOf(other)).toEqual(Option.some("Local"))
        yield* redis.del("user:balance:ada")
        yield* TestClock.adjust("9 seconds")
        expect(yield* sourceOf(other)).toEqual(Option.some("Local"))
        yield* TestClock.adjust("1 second")
        expect(yield* sourceOf(other)).toEqual(Option.none())
      })
    )
  )

  const deletions: ReadonlyArray<
    readonly [name: string, (cache: CacheService.CacheService.Service) => Effect.Effect<unknown>]
  > = [
    ["an invalidation", (cache) => cache.invalidateUser(ada)],
    ["the deletion of its key", (cache) => cache.del("user:balance:ada")],
    ["the deletion of a pattern", (cache) => cache.delPattern("user:bal*")],
    ["the deletion of a pattern of ids", (cache) => cache.delPattern("user:balance:a*")],
    ["a flush", (cache) => cache.flushDb]
  ]
  for (const [name, forget] of deletions) {
    it.effect(`${name} in one process is seen by the other at once`, () =>
      twoProcesses((one, other) =>
        Effect.gen(function* () {
          yield* one.setUserBalance(ada, 5)
          yield* delivered
          yield* sourceOf(other)
          expect(yield* sourceOf(other)).toEqual(Option.some("Local"))
          yield* forget(one)
          yield* delivered
          expect(yield* sourceOf(other)).toEqual(Option.none())
        })
      )
    )
  }
})

describe("a deletion while Redis is away", () => {
  it.effect("is applied when Redis is back: the caches that it concerns serve nothing older", () =>
    Effect.gen(function* () {
      const failure = yield* FailingRedis.failure
      const layer = CacheService.layer.pipe(
        Layer.provide(FailingRedis.layer(failure, MemoryRedis.layer())),
        Layer.provide(MemoryDatabase.layer)
      )
      yield* Effect.gen(function* () {
        const cache = yield* CacheService.CacheService
        for (const forget of [cache.del("user:balance:ada"), cache.delPattern("user:*"), cache.flushDb]) {
          yield* cache.setUserBalance(ada, 5)
          yield* cache.setGameState(game, state)
          yield* Ref.set(failure, Option.some(new RedisTimeout({ command: "UNLINK", waitedMillis: 500 })))
          yield* forget
          yield* Ref.set(failure, Option.none())
          expect(yield* cache.getUserBalance(ada)).toEqual(Option.none())
          yield* TestClock.adjust("2 seconds")
          expect(yield* cache.getUserBalance(ada)).toEqual(Option.none())
          yield* cache.setUserBalance(ada, 6)
          expect(yield* cache.getUserBalance(ada)).toEqual(Option.some(6))
        }
      }).pipe(Effect.provide(layer))
    })
  )
})
