/** The leaderboard in Redis. */
import { expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { UserId } from "../../../src/game/Player.js"
import { ada, bob, cid, type Test } from "./fixtures.js"

export const leaderboardSuite = (test: Test): void => {
  const scores = Stream.make({ userId: ada, score: 70 }, { userId: bob, score: 90 }, { userId: cid, score: 70 })
  const rows = [
    { rank: 0, userId: bob, score: 90 },
    { rank: 1, userId: ada, score: 70 },
    { rank: 2, userId: cid, score: 70 }
  ]

  test("ranks players by their best score, equal scores in the order in which they were reached", (cache) =>
    Effect.gen(function* () {
      expect(yield* cache.rebuildLeaderboard(scores)).toBe(true)
      expect(yield* cache.getLeaderboard({ offset: 0, limit: 10 })).toEqual(Option.some(rows))
      expect(yield* cache.getLeaderboard({ offset: 1, limit: 1 })).toEqual(Option.some(rows.slice(1, 2)))
      expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.some(rows[1]))

      expect(yield* cache.submitScore(ada, 60)).toBe(true)
      expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.some(rows[1]))
      expect(yield* cache.submitScore(ada, 95)).toBe(true)
      expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.some({ rank: 0, userId: ada, score: 95 }))
      expect(yield* cache.getLeaderboardRank(UserId.make("nobody"))).toEqual(Option.none())
    }))

  test("keeps a page of the leaderboard under a key of its own for its time to live", (cache, redis) =>
    Effect.gen(function* () {
      yield* cache.rebuildLeaderboard(scores)
      const page = { offset: 0, limit: 2 }
      expect(yield* cache.setLeaderboard(page, rows.slice(0, 2))).toBe(true)
      const key = "leaderboard:global:top:0%3A2"
      expect(JSON.parse(Option.getOrThrow(yield* redis.get(key)))).toMatchObject({ value: rows.slice(0, 2) })
      const left = Duration.toSeconds(Option.getOrThrow(yield* redis.ttl(key)))
      expect(left).toBeLessThanOrEqual(30)
      expect(left).toBeGreaterThan(10)

      yield* cache.submitScore(cid, 100)
      expect(yield* cache.getLeaderboard(page)).toEqual(Option.some(rows.slice(0, 2)))
      yield* redis.del(key)
      expect(yield* cache.getLeaderboard(page)).toEqual(
        Option.some([
          { rank: 0, userId: cid, score: 100 },
          { rank: 1, userId: bob, score: 90 }
        ])
      )
      expect(yield* redis.ttl("leaderboard:global")).toEqual(Option.some(Duration.infinity))
    }))

  test("shows no leaderboard that holds only the players since a flush", (cache, redis) =>
    Effect.gen(function* () {
      yield* cache.rebuildLeaderboard(scores)
      yield* redis.flushDb
      expect(yield* cache.submitScore(ada, 75)).toBe(true)
      expect(yield* cache.getLeaderboard({ offset: 0, limit: 10 })).toEqual(Option.none())
      expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.none())
    }))

  test("shows no leaderboard whose sorted set was deleted and holds only the players since", (cache, redis) =>
    Effect.gen(function* () {
      for (const deletion of [redis.del("leaderboard:global"), redis.delPattern("leaderboard:*")]) {
        yield* cache.rebuildLeaderboard(scores)
        expect(Option.isSome(yield* cache.getLeaderboardRank(ada))).toBe(true)
        yield* deletion
        expect(yield* cache.getLeaderboard({ offset: 0, limit: 10 })).toEqual(Option.none())
        yield* cache.submitScore(ada, 75)
        expect(yield* cache.getLeaderboard({ offset: 0, limit: 10 })).toEqual(Option.none())
        expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.none())
      }
    }))

  test("shows no leaderboard that was flushed while it was built", (cache, redis) =>
    Effect.gen(function* () {
      const overtaken = scores.pipe(
        Stream.tap(({ userId }) => (userId === bob ? Effect.orDie(redis.flushDb) : Effect.void))
      )
      expect(yield* cache.rebuildLeaderboard(overtaken)).toBe(false)
      expect(yield* cache.getLeaderboard({ offset: 0, limit: 10 })).toEqual(Option.none())
      expect(yield* cache.getLeaderboardRank(cid)).toEqual(Option.none())
    }))
}
