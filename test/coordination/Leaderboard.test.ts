import { expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Leaderboard from "../../src/coordination/Leaderboard.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { age, onEveryLayer } from "../support/layers.js"

onEveryLayer((it) => {
  it.effect("keeps each member's best score", () =>
    Effect.gen(function* () {
      const board = yield* Leaderboard.make({ key: "board:best" })
      expect(yield* board.submit("ada", 10)).toEqual({ score: 10, isNew: true, isBest: true })
      expect(yield* board.submit("ada", 7)).toEqual({ score: 10, isNew: false, isBest: false })
      expect(yield* board.submit("ada", 10)).toEqual({ score: 10, isNew: false, isBest: false })
      expect(yield* board.submit("ada", 12)).toEqual({ score: 12, isNew: false, isBest: true })
    })
  )

  it.effect("keeps the best of many scores submitted at once", () =>
    Effect.gen(function* () {
      const board = yield* Leaderboard.make({ key: "board:concurrent" })
      yield* Effect.forEach(
        Array.from({ length: 100 }, (_, i) => (i * 37) % 100),
        (score) => board.submit("ada", score),
        {
          concurrency: "unbounded"
        }
      )
      expect(yield* board.rankOf("ada")).toEqual(Option.some({ rank: 0, score: 99 }))
    })
  )

  it.effect("ranks from the highest score, page by page, with the same ranks as rankOf", () =>
    Effect.gen(function* () {
      const board = yield* Leaderboard.make({ key: "board:pages" })
      for (const [member, score] of [
        ["ada", 5],
        ["bob", -3],
        ["cyd", 8.5],
        ["dan", 5]
      ] as const) {
        yield* board.submit(member, score)
      }
      const all = [
        { rank: 0, member: "cyd", score: 8.5 },
        { rank: 1, member: "dan", score: 5 },
        { rank: 2, member: "ada", score: 5 },
        { rank: 3, member: "bob", score: -3 }
      ]
      expect(yield* board.top({ offset: 0, limit: 10 })).toEqual(all)
      expect(yield* board.top({ offset: 1, limit: 2 })).toEqual(all.slice(1, 3))
      expect(yield* board.top({ offset: 4, limit: 2 })).toEqual([])
      for (const { member, rank, score } of all) {
        expect(yield* board.rankOf(member)).toEqual(Option.some({ rank, score }))
      }
    })
  )

  it.effect("answers no page for a limit that is not positive, and the first one for a negative offset", () =>
    Effect.gen(function* () {
      const board = yield* Leaderboard.make({ key: "board:limits" })
      yield* board.submit("ada", 1)
      yield* board.submit("bob", 2)
      expect(yield* board.top({ offset: 0, limit: 0 })).toEqual([])
      expect(yield* board.top({ offset: 0, limit: -1 })).toEqual([])
      expect(yield* board.top({ offset: -1, limit: 1 })).toEqual([{ rank: 0, member: "bob", score: 2 }])
    })
  )

  it.effect("keeps fractions, large integers and negative scores exactly", () =>
    Effect.gen(function* () {
      const board = yield* Leaderboard.make({ key: "board:exact" })
      for (const score of [0.1, 1 / 3, -1e-300, 2 ** 53 - 1, 123456789.12345679, -0.1, 1e21]) {
        const member = `member ${score}`
        expect((yield* board.submit(member, score)).score).toBe(score)
        expect(Option.getOrThrow(yield* board.rankOf(member)).score).toBe(score)
      }
    })
  )

  it.effect("reads infinite scores that another program entered", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const board = yield* Leaderboard.make({ key: "board:infinite" })
      yield* client.zadd("board:infinite", Infinity, "top")
      yield* client.zadd("board:infinite", -Infinity, "last")
      expect(yield* board.rankOf("top")).toEqual(Option.some({ rank: 0, score: Infinity }))
      expect(yield* board.submit("top", 1)).toEqual({ score: Infinity, isNew: false, isBest: false })
      expect(yield* board.rankOf("last")).toEqual(Option.some({ rank: 1, score: -Infinity }))
    })
  )

  it.effect("takes members off the board", () =>
    Effect.gen(function* () {
      const board = yield* Leaderboard.make({ key: "board:remove" })
      yield* board.submit("ada", 1)
      expect(yield* board.remove("ada")).toBe(true)
      expect(yield* board.remove("ada")).toBe(false)
      expect(yield* board.rankOf("ada")).toEqual(Option.none())
      expect(yield* board.submit("ada", 0)).toMatchObject({ score: 0, isNew: true })
    })
  )

  it.effect("is permanent unless it is given a time to live, which each submission renews", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const permanent = yield* Leaderboard.make({ key: "board:permanent" })
      yield* permanent.submit("ada", 1)
      expect(yield* client.ttl("board:permanent")).toEqual(Option.some(Duration.infinity))

      const board = yield* Leaderboard.make({ key: "board:expiring", timeToLive: "1 hour" })
      yield* board.submit("ada", 1)
      yield* age("board:expiring", 50 * 60_000)
      yield* board.submit("bob", 1)
      yield* age("board:expiring", 50 * 60_000)
      expect(yield* board.top({ offset: 0, limit: 10 })).toHaveLength(2)
      yield* age("board:expiring", 10 * 60_000)
      expect(yield* board.top({ offset: 0, limit: 10 })).toEqual([])
    })
  )

  it.effect("refuses scores that are no number and times that no server keeps", () =>
    Effect.gen(function* () {
      const board = yield* Leaderboard.make({ key: "board:refused" })
      for (const score of [NaN, Infinity, -Infinity]) {
        expect(yield* Effect.flip(board.submit("ada", score))).toMatchObject({ _tag: "RedisServerError", code: "ERR" })
      }
      const expiring = yield* Leaderboard.make({ key: "board:refused", timeToLive: 0 })
      expect(yield* Effect.flip(expiring.submit("ada", 1))).toMatchObject({ _tag: "RedisServerError", code: "ERR" })
      expect(yield* board.rankOf("ada")).toEqual(Option.none())
    })
  )

  it.effect("says so when its key holds something else", () =>
    Effect.gen(function* () {
      const client = yield* RedisClient
      const board = yield* Leaderboard.make({ key: "board:text" })
      yield* client.set("board:text", "no board")
      const wrongType = { _tag: "RedisServerError", code: "WRONGTYPE" }
      expect(yield* Effect.flip(board.submit("ada", 1))).toMatchObject(wrongType)
      expect(yield* Effect.flip(board.rankOf("ada"))).toMatchObject(wrongType)
      expect(yield* Effect.flip(board.top({ offset: 0, limit: 1 }))).toMatchObject(wrongType)
      expect(yield* Effect.flip(board.remove("ada"))).toMatchObject(wrongType)
    })
  )
})
