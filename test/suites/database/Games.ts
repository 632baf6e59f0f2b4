/** The games of users, their statistics and scores. */
import { describe, expect } from "@effect/vitest"
import * as Array from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as TestClock from "effect/TestClock"
import { FencingToken } from "../../../src/coordination/DistributedLock.js"
import { Database } from "../../../src/game/Database.js"
import { GameId } from "../../../src/game/Player.js"
import { createUser, nobody, type Test, tagOf } from "./fixtures.js"

export const contract = (test: Test): void => {
  describe("statistics and scores", () => {
    test(
      "games count up, the best score stays and scores add up",
      Effect.gen(function* () {
        const database = yield* Database
        const id = yield* createUser("ada")
        yield* database.recordGame(id, { won: true, score: 30 })
        const { stats } = yield* database.recordGame(id, { won: false, score: 20 })
        expect({ ...stats }).toEqual({ gamesPlayed: 2, gamesWon: 1, bestScore: 30, totalScore: 50 })
        expect(yield* database.getStats(id)).toEqual(stats)
      })
    )

    test(
      "games recorded at the same time are all counted",
      Effect.gen(function* () {
        const database = yield* Database
        const id = yield* createUser("ada")
        yield* Effect.forEach(Array.range(1, 40), (score) => database.recordGame(id, { won: true, score }), {
          concurrency: "unbounded"
        })
        expect({ ...(yield* database.getStats(id)) }).toEqual({
          gamesPlayed: 40,
          gamesWon: 40,
          bestScore: 40,
          totalScore: 820
        })
      })
    )

    test(
      "the best come first, equal scores in the order in which they were reached, in pages that fit together",
      Effect.gen(function* () {
        const database = yield* Database
        const players = yield* Effect.forEach(
          [30, 10, 30, 0, 30, 20, 30, 30],
          Effect.fnUntraced(function* (score, i) {
            const userId = yield* createUser(`player-${i}`)
            const { arrival } = yield* database.recordGame(userId, { won: false, score })
            return { userId, score, arrival }
          })
        )
        yield* createUser("has-not-played")
        // the order in which they were recorded is kept
        const expected = players.toSorted((a, b) => b.score - a.score)
        expect(yield* database.topScores({ offset: 0, limit: 100 })).toEqual(expected)
        expect(yield* database.topScores({ offset: 3, limit: 2 })).toEqual(expected.slice(3, 5))
        expect(yield* database.topScores({ offset: 8, limit: 2 })).toEqual([])
        expect(yield* database.topScores({ offset: 0, limit: 0 })).toEqual([])
        expect(yield* Effect.forEach(expected, ({ userId }) => database.rankOf(userId))).toEqual(
          expected.map(({ score }, rank) => ({ rank, score }))
        )
        // as good as before is no new coming, better than before is one
        const [first, , , , fifth] = players
        yield* database.recordGame(first?.userId ?? nobody, { won: true, score: 30 })
        yield* database.recordGame(fifth?.userId ?? nobody, { won: true, score: 40 })
        yield* database.recordGame(first?.userId ?? nobody, { won: true, score: 40 })
        const [best, second] = yield* database.topScores({ offset: 0, limit: 2 })
        expect([best?.userId, second?.userId]).toEqual([fifth?.userId, first?.userId])
      })
    )
  })

  describe("games", () => {
    test(
      "a game is read back as created, counted and deleted once",
      Effect.gen(function* () {
        yield* TestClock.setTime(1_765_432_109_876)
        const database = yield* Database
        const players = [yield* createUser("ada"), yield* createUser("bob")]
        const game = yield* database.createGame(players)
        const other = yield* database.createGame([])
        expect(game).toMatchObject({ players, status: "running", round: 0 })
        expect(DateTime.toEpochMillis(game.startedAt)).toBe(1_765_432_109_876)
        expect(yield* database.getGame(game.id)).toEqual(game)
        expect(yield* database.getGame(other.id)).toEqual(other)
        expect(yield* database.countGames).toBe(2)
        yield* database.deleteGame(game.id)
        expect(yield* tagOf(database.deleteGame(game.id))).toBe("GameNotFound")
        expect(yield* tagOf(database.getGame(game.id))).toBe("GameNotFound")
        expect(yield* database.countGames).toBe(1)
      })
    )

    test(
      "a game is changed by the latest holder of its lock, as often as it writes, and by no earlier one",
      Effect.gen(function* () {
        const database = yield* Database
        const game = yield* database.createGame([])
        const other = yield* database.createGame([])
        const [early, late] = [FencingToken.make(1_800_000_000_000_000), FencingToken.make(1_800_000_000_000_001)]
        const write = (round: number, token: FencingToken) => database.updateGame(game.id, { round }, token)

        expect((yield* write(1, early)).round).toBe(1)
        expect((yield* write(2, late)).round).toBe(2)
        expect(yield* Effect.flip(write(3, early))).toMatchObject({
          _tag: "StaleFencingToken",
          gameId: game.id,
          fencingToken: early,
          latest: late
        })
        const waiting = yield* database.updateGame(game.id, { status: "waiting" }, late)
        expect(waiting).toEqual(yield* database.getGame(game.id))
        expect(waiting).toMatchObject({ status: "waiting", round: 2 })
        // each game has a lock of its own
        expect((yield* database.updateGame(other.id, { round: 1 }, early)).round).toBe(1)
      })
    )

    test(
      "of many holders that write a game at once the latest one has the last word, and is never rejected",
      Effect.gen(function* () {
        const database = yield* Database
        const { id } = yield* database.createGame([])
        const tokens = [7, 3, 9, 1, 10, 2, 8, 4, 6, 5]
        const outcomes = yield* Effect.forEach(
          tokens,
          (token) => Effect.either(database.updateGame(id, { round: token }, FencingToken.make(token))),
          { concurrency: "unbounded" }
        )
        expect(outcomes.map(Either.isRight)[tokens.indexOf(10)]).toBe(true)
        expect(Array.getLefts(outcomes).filter(({ _tag }) => _tag !== "StaleFencingToken")).toEqual([])
        expect((yield* database.getGame(id)).round).toBe(10)
      })
    )

    test(
      "a game rejects a fencing token or a round that cannot be one",
      Effect.gen(function* () {
        const database = yield* Database
        const game = yield* database.createGame([])
        for (const token of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
          expect(yield* tagOf(database.updateGame(game.id, { round: 1 }, token as FencingToken))).toBe("DatabaseError")
        }
        expect(yield* tagOf(database.updateGame(game.id, { round: -1 }, FencingToken.make(1)))).toBe("DatabaseError")
        expect(yield* database.getGame(game.id)).toEqual(game)
      })
    )

    test(
      "an unknown game is GameNotFound with the id",
      Effect.gen(function* () {
        const database = yield* Database
        const gameId = GameId.make("none")
        const updated = database.updateGame(gameId, { round: 1 }, FencingToken.make(1))
        expect(yield* Effect.flip(updated)).toMatchObject({ _tag: "GameNotFound", gameId })
        expect(yield* Effect.flip(database.getGame(gameId))).toMatchObject({ _tag: "GameNotFound", gameId })
        expect(yield* Effect.flip(database.deleteGame(gameId))).toMatchObject({ _tag: "GameNotFound", gameId })
      })
    )
  })

  test(
    "it answers a ping",
    Effect.flatMap(Database, ({ ping }) => ping)
  )
}
