/**
 * What a `CacheService` does on any `RedisClient`: run on the memory layer and on real servers.
 */
import { expect, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as CacheService from "../../src/game/CacheService.js"
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import { UserId } from "../../src/game/Player.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { ada, bob, game, profile, state, stats, type Test } from "./cacheService/fixtures.js"
import { keysSuite } from "./cacheService/keys.js"
import { leaderboardSuite } from "./cacheService/leaderboard.js"

const invalidIds = ["", "x".repeat(513), "é".repeat(257), "line\nbreak", "\u0000", "\ud800"].map((id) =>
  UserId.make(id)
)

export const cacheServiceSuite = <E>(name: string, redisLayer: Layer.Layer<RedisClient, E>): void =>
  layer(CacheService.layer.pipe(Layer.provideMerge(redisLayer), Layer.provide(MemoryDatabase.layer)), {
    excludeTestServices: true
  })(name, (it) => {
    const test: Test = (behaviour, body) =>
      it.effect(behaviour, () =>
        Effect.gen(function* () {
          const redis = yield* RedisClient
          const cache = yield* CacheService.CacheService
          expect(yield* cache.flushDb).toBe(true)
          return yield* body(cache, redis)
        })
      )

    test("stores each kind of value as readable JSON under its key, for its default time", (cache, redis) =>
      Effect.gen(function* () {
        expect(yield* cache.setUserProfile(ada, profile(ada))).toBe(true)
        expect(yield* cache.setUserBalance(ada, 250)).toBe(true)
        expect(yield* cache.setUserStats(ada, stats)).toBe(true)
        expect(yield* cache.setGameState(game, state)).toBe(true)

        const stored: ReadonlyArray<readonly [key: string, seconds: number, json: unknown]> = [
          [
            "user:profile:ada",
            300,
            {
              id: "ada",
              username: "ada",
              displayName: "Ada Lovelace",
              email: "ada@example.org",
              createdAt: "2025-01-02T03:04:05.678Z"
            }
          ],
          ["user:balance:ada", 60, 250],
          ["user:stats:ada", 120, { gamesPlayed: 3, gamesWon: 2, bestScore: 70, totalScore: 120 }],
          [
            "game:state:g-1",
            3600,
            { id: "g-1", players: ["ada", "bob"], status: "running", round: 4, startedAt: "2025-01-02T03:04:05.678Z" }
          ]
        ]
        for (const [key, seconds, json] of stored) {
          expect(JSON.parse(Option.getOrThrow(yield* redis.get(key))), key).toEqual({
            created: expect.any(Number),
            ttl: seconds * 1000,
            value: json
          })
          const left = Duration.toSeconds(Option.getOrThrow(yield* redis.ttl(key)))
          expect(left, key).toBeLessThanOrEqual(seconds)
          expect(left, key).toBeGreaterThan(seconds / 2)
        }
      }))

    test("gives back what was stored, and nothing for what was not", (cache) =>
      Effect.gen(function* () {
        expect(yield* cache.getUserProfile(ada)).toEqual(Option.none())
        expect(yield* cache.getUserBalance(ada)).toEqual(Option.none())
        expect(yield* cache.getUserStats(ada)).toEqual(Option.none())
        expect(yield* cache.getGameState(game)).toEqual(Option.none())

        yield* cache.setUserProfile(ada, profile(ada))
        yield* cache.setUserBalance(ada, 250)
        yield* cache.setUserStats(ada, stats)
        yield* cache.setGameState(game, state)
        expect(yield* cache.getUserProfile(ada)).toEqual(Option.some(profile(ada)))
        expect(yield* cache.getUserBalance(ada)).toEqual(Option.some(250))
        expect(yield* cache.getUserStats(ada)).toEqual(Option.some(stats))
        expect(yield* cache.getGameState(game)).toEqual(Option.some(state))
        expect(yield* cache.getUserProfile(bob)).toEqual(Option.none())
      }))

    test("tells where a value came from and the time it has left", (cache) =>
      Effect.gen(function* () {
        expect(yield* cache.getUserProfileResult(ada)).toEqual(Option.none())
        yield* cache.setUserProfile(ada, profile(ada))
        const found = Option.getOrThrow(yield* cache.getUserProfileResult(ada))
        expect(found).toMatchObject({ source: "Redis", value: profile(ada) })
        const left = Duration.toSeconds(found.timeLeft)
        expect(left).toBeLessThanOrEqual(300)
        expect(left).toBeGreaterThan(150)
      }))

    test("takes a balance of 0 for a hit", (cache) =>
      Effect.gen(function* () {
        yield* cache.setUserBalance(ada, 0)
        expect(yield* cache.getUserBalance(ada)).toEqual(Option.some(0))
        expect(Option.getOrThrow(yield* cache.getUserBalanceResult(ada)).value).toBe(0)
      }))

    test("does not store a value that its schema forbids", (cache, redis) =>
      Effect.gen(function* () {
        for (const balance of [-1, 0.5, Number.NaN]) {
          expect(yield* cache.setUserBalance(ada, balance)).toBe(false)
        }
        expect(yield* redis.get("user:balance:ada")).toEqual(Option.none())
      }))

    test("counts a stored value that no longer decodes as a miss", (cache, redis) =>
      Effect.gen(function* () {
        const before = yield* cache.getStats
        for (const text of ["not json", "{}", '{"created":99999999999999,"ttl":300000,"value":{"id":7}}', ""]) {
          yield* redis.set("user:profile:ada", text, { timeToLive: "1 minute" })
          expect(yield* cache.getUserProfile(ada)).toEqual(Option.none())
          expect(yield* cache.getUserProfileResult(ada)).toEqual(Option.none())
        }
        const after = yield* cache.getStats
        expect(after.decodeFailures - before.decodeFailures).toBe(8)
        expect(after.misses - before.misses).toBe(8)
        expect(after.failures - before.failures).toBe(0)
      }))

    test("invalidates one kind of value and leaves the others", (cache) =>
      Effect.gen(function* () {
        yield* cache.setUserProfile(ada, profile(ada))
        yield* cache.setUserBalance(ada, 250)
        yield* cache.setUserStats(ada, stats)
        yield* cache.setGameState(game, state)

        expect(yield* cache.invalidateUserProfile(ada)).toBe(true)
        expect(yield* cache.getUserProfile(ada)).toEqual(Option.none())
        expect(yield* cache.getUserBalance(ada)).toEqual(Option.some(250))
        expect(yield* cache.invalidateUserBalance(ada)).toBe(true)
        expect(yield* cache.getUserBalance(ada)).toEqual(Option.none())
        expect(yield* cache.getUserStats(ada)).toEqual(Option.some(stats))
        expect(yield* cache.invalidateUserStats(ada)).toBe(true)
        expect(yield* cache.getUserStats(ada)).toEqual(Option.none())
        expect(yield* cache.getGameState(game)).toEqual(Option.some(state))
        expect(yield* cache.invalidateGameState(game)).toBe(true)
        expect(yield* cache.getGameState(game)).toEqual(Option.none())
      }))

    test("invalidates a user's profile, balance and statistics, and never the rate limits", (cache) =>
      Effect.gen(function* () {
        yield* cache.setUserProfile(ada, profile(ada))
        yield* cache.setUserBalance(ada, 250)
        yield* cache.setUserStats(ada, stats)
        yield* cache.setUserBalance(bob, 9)
        expect(yield* cache.checkRateLimit(ada, "daily_bonus", 1, 86_400)).toBe(true)

        expect(yield* cache.invalidateUser(ada)).toBe(true)
        expect(yield* cache.getUserProfile(ada)).toEqual(Option.none())
        expect(yield* cache.getUserBalance(ada)).toEqual(Option.none())
        expect(yield* cache.getUserStats(ada)).toEqual(Option.none())
        expect(yield* cache.getUserBalance(bob)).toEqual(Option.some(9))
        expect(yield* cache.checkRateLimit(ada, "daily_bonus", 1, 86_400)).toBe(false)
      }))

    test("takes an id of pattern characters for an id", (cache) =>
      Effect.gen(function* () {
        yield* cache.setUserBalance(ada, 1)
        for (const id of ["*", "?da", "[a-z]*", "{ada}", "a:b", "%7B"].map((text) => UserId.make(text))) {
          yield* cache.setUserBalance(id, 7)
          expect(yield* cache.getUserBalance(id)).toEqual(Option.some(7))
          yield* cache.invalidateUser(id)
          expect(yield* cache.getUserBalance(id)).toEqual(Option.none())
        }
        expect(yield* cache.getUserBalance(ada)).toEqual(Option.some(1))
      }))

    test("answers none and false for an id that cannot be part of a key, and writes nothing", (cache, redis) =>
      Effect.gen(function* () {
        const size = yield* redis.send("DBSIZE")
        for (const id of invalidIds) {
          expect(yield* cache.setUserProfile(id, profile(id))).toBe(false)
          expect(yield* cache.getUserProfile(id)).toEqual(Option.none())
          expect(yield* cache.getUserProfileResult(id)).toEqual(Option.none())
          expect(yield* cache.invalidateUser(id)).toBe(false)
          expect(yield* cache.checkRateLimit(id, "login", 5, 60)).toBe(false)
          expect(yield* cache.checkRateLimit("ada", id, 5, 60)).toBe(false)
          expect(yield* cache.getRateLimitRemaining(id, "login", 5)).toBe(0)
          expect(yield* cache.submitScore(id, 5)).toBe(false)
          expect(yield* cache.getLeaderboardRank(id)).toEqual(Option.none())
          expect(yield* cache.set(id, Schema.String, "value")).toBe(false)
          expect(yield* cache.get(id, Schema.String)).toEqual(Option.none())
          expect(yield* cache.del(id)).toBe(false)
          expect(yield* cache.delPattern(id)).toEqual(Option.none())
        }
        expect(yield* redis.send("DBSIZE")).toBe(size)
      }))

    test("counts players by name and anonymous players, which never replace each other", (cache) =>
      Effect.gen(function* () {
        expect(yield* cache.playerOnline(ada)).toEqual(Option.some(1))
        expect(yield* cache.playerOnline(ada)).toEqual(Option.some(1))
        expect(yield* cache.playerOnline(bob)).toEqual(Option.some(2))
        expect(yield* cache.incrementOnlinePlayers).toEqual(Option.some(3))
        expect(yield* cache.decrementOnlinePlayers).toEqual(Option.some(2))
        expect(yield* cache.decrementOnlinePlayers).toEqual(Option.some(2))
        expect(yield* cache.playerOffline(ada)).toEqual(Option.some(1))
        expect(yield* cache.playerOffline(ada)).toEqual(Option.some(1))
        expect(yield* cache.getOnlinePlayers).toBe(1)
        expect(yield* cache.playerOnline(UserId.make(""))).toEqual(Option.none())
      }))

    test("counts players and games, never below zero", (cache, redis) =>
      Effect.gen(function* () {
        expect(yield* cache.getOnlinePlayers).toBe(0)
        expect(yield* cache.decrementOnlinePlayers).toEqual(Option.some(0))
        expect(yield* cache.incrementOnlinePlayers).toEqual(Option.some(1))
        expect(yield* cache.incrementOnlinePlayers).toEqual(Option.some(2))
        expect(yield* cache.decrementOnlinePlayers).toEqual(Option.some(1))
        expect(yield* cache.incrementActiveGames).toEqual(Option.some(1))
        expect(yield* cache.decrementActiveGames).toEqual(Option.some(0))
        expect(yield* cache.decrementActiveGames).toEqual(Option.some(0))
        expect(yield* cache.incrementActiveGames).toEqual(Option.some(1))
        expect(yield* cache.getOnlinePlayers).toBe(1)
        expect(yield* cache.getActiveGames).toBe(1)
        expect(yield* redis.get("counters:players_online")).toEqual(Option.some("1"))
        expect(yield* redis.get("counters:active_games")).toEqual(Option.some("1"))
      }))

    test("allows no more calls than the limit in a window, for each user and action on its own", (cache, redis) =>
      Effect.gen(function* () {
        expect(yield* cache.getRateLimitRemaining("ada", "login", 2)).toBe(2)
        expect(yield* cache.checkRateLimit("ada", "login", 2, 60)).toBe(true)
        expect(yield* cache.getRateLimitRemaining("ada", "login", 2)).toBe(1)
        expect(yield* cache.checkRateLimit("ada", "login", 2, 60)).toBe(true)
        expect(yield* cache.checkRateLimit("ada", "login", 2, 60)).toBe(false)
        expect(yield* cache.getRateLimitRemaining("ada", "login", 2)).toBe(0)
        expect(yield* cache.checkRateLimit("bob", "login", 2, 60)).toBe(true)
        expect(yield* cache.checkRateLimit("ada", "upload", 2, 60)).toBe(true)

        // the window ends
        expect(yield* cache.getRateLimitRemaining("ada", "upload", 2)).toBe(1)
        yield* redis.send("PEXPIRE", "ratelimit:upload:ada", 0)
        expect(yield* cache.getRateLimitRemaining("ada", "upload", 2)).toBe(2)
        expect(yield* cache.checkRateLimit("ada", "upload", 2, 60)).toBe(true)
      }))

    test("allows nothing under a limit or window that is none", (cache) =>
      Effect.gen(function* () {
        for (const [limit, seconds] of [
          [0, 60],
          [-1, 60],
          [0.5, 60],
          [Number.NaN, 60],
          [1, 0],
          [1, -60],
          [1, Number.NaN],
          [1, Number.POSITIVE_INFINITY]
        ] as const) {
          expect(yield* cache.checkRateLimit("ada", "login", limit, seconds), `${limit} in ${seconds} s`).toBe(false)
        }
      }))

    keysSuite(test)
    leaderboardSuite(test)

    test("shows hits, misses and the hit rate, and what the cache has counted", (cache) =>
      Effect.gen(function* () {
        const before = yield* cache.getStats
        yield* cache.incrementOnlinePlayers
        yield* cache.incrementActiveGames
        yield* cache.getUserBalance(ada)
        yield* cache.setUserBalance(ada, 0)
        yield* cache.getUserBalance(ada)
        yield* cache.getUserBalanceResult(ada)
        const after = yield* cache.getStats
        expect(after).toMatchObject({ available: true, connected: true, onlinePlayers: 1, activeGames: 1 })
        expect(after.misses - before.misses).toBe(1)
        expect(after.hits - before.hits).toBe(2)
        expect(after.failures - before.failures).toBe(0)
        expect(after.caches.map(({ name }) => name)).toEqual([
          "user:profile",
          "user:balance",
          "user:stats",
          "game:state",
          "leaderboard:global:top"
        ])
        const hits = (stats: CacheService.CacheServiceStats) => stats.caches[1]?.hitsRedis ?? 0
        expect(hits(after) - hits(before)).toBe(2)
        expect(yield* cache.isAvailable).toBe(true)
      }))
  })
