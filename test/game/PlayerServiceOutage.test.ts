import { describe, expect, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { UserId } from "../../src/game/Player.js"
import * as PlayerService from "../../src/game/PlayerService.js"
import { layerOff } from "../../src/redis/RedisClient.js"
import { newUser, page, whole, withWorld } from "../support/PlayerWorld.js"
import { driverUnderTest } from "../support/server/drivers.js"
import * as RedisServer from "../support/server/RedisServer.js"

describe("without Redis", () => {
  it.effect("every pattern works on the database alone and says that the cache was not used", () =>
    withWorld(
      ({ players }) =>
        Effect.gen(function* () {
          const ada = yield* newUser(players, "ada")
          const bob = yield* newUser(players, "bob")
          yield* players.updateUserProfile(ada, { displayName: "Countess" })
          expect(yield* players.readUserProfile(ada)).toMatchObject({
            value: { displayName: "Countess" },
            source: "Degraded"
          })
          yield* players.updateUserBalance(ada, 100)
          expect(yield* players.transfer(ada, bob, 40)).toEqual({ from: 60, to: 40 })
          expect(yield* players.claimDailyBonus(ada)).toBe(60 + PlayerService.dailyBonus)
          expect((yield* Effect.flip(players.claimDailyBonus(ada)))._tag).toBe("DailyBonusAlreadyClaimed")
          expect(yield* players.readUserBalance(bob)).toMatchObject({ value: 40, source: "Degraded" })
          yield* players.recordGame(ada, { won: true, score: 70 })
          expect(yield* players.readUserStats(ada)).toMatchObject({ value: { bestScore: 70 }, source: "Degraded" })
          expect(yield* players.readLeaderboard(page)).toMatchObject({
            value: [{ rank: 0, userId: ada, score: 70 }],
            source: "Degraded"
          })
          expect(yield* players.getLeaderboardRank(ada)).toEqual({ rank: 0, userId: ada, score: 70 })
          expect(yield* players.warmUserCache(ada)).toBe(0)
          expect(yield* players.invalidateUser(ada)).toBe(false)
          const game = yield* players.startGame([ada, bob])
          expect(yield* players.readGame(game.id)).toMatchObject({ value: game, source: "Degraded" })
          yield* players.endGame(game.id)
        }),
      { redis: layerOff }
    )
  )

  it.effect("a read that would overload the database is rejected at once", () =>
    withWorld(
      ({ players }) =>
        Effect.gen(function* () {
          const reads = Effect.forEach(
            Array.range(0, 32 + 1024),
            (i) => players.getUserProfile(UserId.make(`player-${i}`)),
            { concurrency: "unbounded", discard: true }
          )
          expect((yield* Effect.flip(reads))._tag).toBe("LookupOverloaded")
        }),
      { redis: layerOff, spy: () => ({ getUser: () => Effect.never }) }
    )
  )
})

describe("with a server that is killed and started again", () => {
  it.scopedLive.skipIf(RedisServer.skipReason !== undefined)(
    "every read answers the same throughout, and hits return",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const redis = driverUnderTest.layer(
          { host: "127.0.0.1", port: server.port },
          { reconnect: Schedule.spaced("10 millis") }
        )
        yield* withWorld(
          (world) =>
            Effect.gen(function* () {
              const { players } = world
              const id = yield* newUser(players, "ada")
              yield* players.updateUserBalance(id, 5)
              yield* players.recordGame(id, { won: true, score: 70 })
              const game = yield* players.startGame([id])
              const reads = Effect.all([
                players.readUserProfile(id),
                players.readUserBalance(id),
                players.readUserStats(id),
                players.readLeaderboard(page),
                players.readGame(game.id)
              ])
              const values = Effect.map(reads, (all) => all.map(({ value }) => value))
              const rank = players.getLeaderboardRank(id)
              const allHits = Effect.map(reads, (all) => all.every(({ source }) => source === "Redis"))

              const expected = yield* values
              const expectedRank = yield* rank
              yield* whole(world)
              expect(yield* allHits).toBe(true)

              yield* server.kill
              expect(yield* values).toEqual(expected)
              expect(yield* rank).toEqual(expectedRank)

              yield* server.start()
              yield* Effect.gen(function* () {
                expect(yield* values).toEqual(expected)
                expect(yield* rank).toEqual(expectedRank)
                return yield* allHits
              }).pipe(
                Effect.repeat({ until: (hits) => hits, schedule: Schedule.spaced("5 millis") }),
                Effect.timeout("20 seconds")
              )
            }),
          { redis }
        )
      })
  )
})
