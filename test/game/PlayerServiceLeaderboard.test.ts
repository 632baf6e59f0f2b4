import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as CacheService from "../../src/game/CacheService.js"
import { type BestScore, Database } from "../../src/game/Database.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import { UserId } from "../../src/game/Player.js"
import * as PlayerService from "../../src/game/PlayerService.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { newUser, page, until, whole, withWorld } from "../support/PlayerWorld.js"

const withoutArrivals = (scores: ReadonlyArray<BestScore>) => scores.map(({ score, userId }) => ({ userId, score }))

describe("the leaderboard", () => {
  const played = (players: PlayerService.PlayerService.Service) =>
    Effect.gen(function* () {
      const ids: Array<UserId> = []
      for (const [name, score] of [
        ["ada", 70],
        ["bob", 90],
        ["cid", 70]
      ] as const) {
        const id = yield* newUser(players, name)
        yield* players.recordGame(id, { won: true, score })
        ids.push(id)
      }
      return ids
    })

  it.effect("comes from the database until it is built, and then from the cache", () =>
    Effect.gen(function* () {
      const asked = yield* Ref.make(0)
      yield* withWorld(
        (world) =>
          Effect.gen(function* () {
            const { players, database } = world
            yield* played(players)
            const cold = yield* players.readLeaderboard(page)
            expect(cold.source).toBe("Lookup")
            expect(cold.value.map(({ rank }) => rank)).toEqual([0, 1, 2])
            expect(cold.value).toMatchObject(withoutArrivals(yield* database.topScores(page)))
            yield* whole(world)
            const before = yield* Ref.get(asked)
            const warm = yield* players.readLeaderboard(page)
            expect(warm).toMatchObject({ source: "Redis", value: cold.value })
            // a page that was never read is looked up on the board
            const other = yield* players.readLeaderboard({ offset: 1, limit: 7 })
            expect(other.value).toEqual(cold.value.slice(1))
            expect(yield* Ref.get(asked)).toBe(before)
          }),
        {
          spy: (database) => ({
            topScores: (page) =>
              Effect.zipRight(
                Ref.update(asked, (n) => n + 1),
                database.topScores(page)
              )
          })
        }
      )
    })
  )

  it.effect("has no page at an offset that is no whole number", () =>
    withWorld(({ players }) =>
      Effect.gen(function* () {
        for (const offset of [-1, 0.5, Number.NaN]) {
          expect((yield* Effect.flip(players.readLeaderboard({ offset, limit: 1 })))._tag).toBe("InvalidKey")
        }
      })
    )
  )

  it.effect("is the same after a flush, with games played since", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { players, redis, database } = world
        const [ada = UserId.make("")] = yield* played(players)
        yield* whole(world)
        yield* redis.flushDb
        yield* players.recordGame(ada, { won: true, score: 80 })
        const { value } = yield* players.readLeaderboard(page)
        expect(value).toMatchObject(withoutArrivals(yield* database.topScores(page)))
        expect(yield* players.getLeaderboardRank(ada)).toEqual({ rank: 1, userId: ada, score: 80 })
        yield* whole(world)
        expect(yield* players.getLeaderboardRank(ada)).toEqual({ rank: 1, userId: ada, score: 80 })
      })
    )
  )

  it.effect("is built again when a caller asks for a rank that the cache does not know", () =>
    withWorld(({ players, cache, redis }) =>
      Effect.gen(function* () {
        const [ada = UserId.make("")] = yield* played(players)
        yield* redis.flushDb
        const { rank } = yield* players.getLeaderboardRank(ada)
        yield* until(Effect.map(cache.getLeaderboardRank(ada), Option.isSome))
        expect(Option.map(yield* cache.getLeaderboardRank(ada), (row) => row.rank)).toEqual(Option.some(rank))
        expect((yield* Effect.flip(players.getLeaderboardRank(UserId.make("nobody"))))._tag).toBe("UserNotFound")
      })
    )
  )

  it.effect("is built by one process at a time, while the others read the database", () =>
    Effect.gen(function* () {
      const database = yield* Database
      for (const [name, score] of [
        ["ada", 70],
        ["bob", 90]
      ] as const) {
        const { id } = yield* database.createUser({ username: name, displayName: name, email: `${name}@example.org` })
        yield* database.recordGame(id, { won: true, score })
      }
      const builds = yield* Ref.make(0)
      const mayEnd = yield* Effect.makeLatch(false)
      const slow = Layer.succeed(Database, {
        ...database,
        topScores: ({ limit, offset }) =>
          limit === page.limit
            ? database.topScores({ limit, offset })
            : Effect.zipRight(
                Ref.update(builds, (n) => n + 1),
                Effect.zipRight(mayEnd.await, database.topScores({ limit, offset }))
              )
      })
      const redis = yield* Layer.build(MemoryRedis.layer())
      const process = Layer.build(
        PlayerService.layer.pipe(
          Layer.provide(Layer.fresh(CacheService.layer)),
          Layer.provide(slow),
          Layer.provide(Layer.succeedContext(redis))
        )
      ).pipe(Effect.map(Context.get(PlayerService.PlayerService)))
      const [one, other] = yield* Effect.all([process, process])
      const expected = yield* database.topScores(page)
      for (const players of [one, other, one, other]) {
        yield* Context.get(redis, RedisClient).delPattern("leaderboard:global:top:*")
        expect((yield* players.readLeaderboard(page)).value).toMatchObject(withoutArrivals(expected))
        yield* Effect.repeatN(Effect.yieldNow(), 20)
      }
      expect(yield* Ref.get(builds)).toBe(1)
      yield* mayEnd.open
      const mark = Context.get(redis, RedisClient).get("{leaderboard:global}:whole")
      yield* until(Effect.map(mark, Option.contains("2")))
      expect(yield* Ref.get(builds)).toBe(1)
    }).pipe(Effect.scoped, Effect.provide(MemoryDatabase.layer))
  )

  it.effect("ranks equal scores as the database does, whatever the order in which they reached the cache", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { players, cache, database } = world
        const [ada = UserId.make(""), , cid = UserId.make("")] = yield* played(players)
        yield* whole(world)
        // two processes recorded, in this order, and told the cache in the other one
        const first = yield* database.recordGame(cid, { won: true, score: 95 })
        const second = yield* database.recordGame(ada, { won: true, score: 95 })
        yield* cache.submitScore(ada, 95, second.arrival)
        yield* cache.submitScore(cid, 95, first.arrival)
        expect(Option.map(yield* cache.getLeaderboardRank(cid), ({ rank }) => rank)).toEqual(Option.some(0))
        expect(Option.map(yield* cache.getLeaderboardRank(ada), ({ rank }) => rank)).toEqual(Option.some(1))
        expect((yield* database.rankOf(cid)).rank).toBe(0)
      })
    )
  )

  it.effect("is built whole from more players than one statement reads", () =>
    withWorld((world) =>
      Effect.gen(function* () {
        const { players, cache, database } = world
        for (let i = 0; i < 1001; i++) {
          const { id } = yield* database.createUser({ username: `u${i}`, displayName: "x", email: "x@example.org" })
          yield* database.recordGame(id, { won: false, score: i })
        }
        yield* players.readLeaderboard(page)
        yield* whole(world)
        const last = yield* cache.getLeaderboard({ offset: 1000, limit: 10 })
        expect(Option.getOrThrow(last)).toMatchObject([{ rank: 1000, score: 0 }])
      })
    )
  )
})
