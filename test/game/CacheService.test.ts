import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as CacheService from "../../src/game/CacheService.js"
import { GameId, GameState, UserId, UserProfile, UserStats } from "../../src/game/Player.js"
import * as BunRedis from "../../src/redis/driver/BunRedis.js"
import * as MemoryRedis from "../../src/redis/driver/MemoryRedis.js"
import { layerOff, RedisClient } from "../../src/redis/RedisClient.js"
import {
  RedisConnectionLost,
  type RedisError,
  RedisServerError,
  RedisTimeout,
  RedisUnavailable
} from "../../src/redis/RedisError.js"
import * as CapturedLog from "../support/CapturedLog.js"
import * as FailingRedis from "../support/FailingRedis.js"
import * as RedisServer from "../support/RedisServer.js"

const ada = UserId.make("ada")
const game = GameId.make("g-1")
const at = DateTime.unsafeMake(0)
const profile = UserProfile.make({
  id: ada,
  username: "ada",
  displayName: "Ada",
  email: "ada@example.org",
  createdAt: at
})
const stats = UserStats.make({ gamesPlayed: 1, gamesWon: 1, bestScore: 5, totalScore: 5 })
const state = GameState.make({ id: game, players: [ada], status: "waiting", round: 0, startedAt: at })

/** Every operation's answer without a server, as the guide promises it. */
const answersNothing = (cache: CacheService.CacheService.Service, reason: string) =>
  Effect.gen(function* () {
    const bypass = { _tag: "Bypass", reason }
    expect(yield* cache.setUserProfile(ada, profile)).toBe(false)
    expect(yield* cache.getUserProfile(ada)).toEqual(Option.none())
    expect(yield* cache.lookupUserProfile(ada)).toEqual(bypass)
    expect(yield* cache.invalidateUserProfile(ada)).toBe(false)
    expect(yield* cache.setUserBalance(ada, 1)).toBe(false)
    expect(yield* cache.getUserBalance(ada)).toEqual(Option.none())
    expect(yield* cache.lookupUserBalance(ada)).toEqual(bypass)
    expect(yield* cache.invalidateUserBalance(ada)).toBe(false)
    expect(yield* cache.setUserStats(ada, stats)).toBe(false)
    expect(yield* cache.getUserStats(ada)).toEqual(Option.none())
    expect(yield* cache.lookupUserStats(ada)).toEqual(bypass)
    expect(yield* cache.invalidateUserStats(ada)).toBe(false)
    expect(yield* cache.setGameState(game, state)).toBe(false)
    expect(yield* cache.getGameState(game)).toEqual(Option.none())
    expect(yield* cache.lookupGameState(game)).toEqual(bypass)
    expect(yield* cache.invalidateGameState(game)).toBe(false)
    expect(yield* cache.invalidateUser(ada)).toBe(false)
    expect(yield* cache.incrementOnlinePlayers).toEqual(Option.none())
    expect(yield* cache.decrementOnlinePlayers).toEqual(Option.none())
    expect(yield* cache.getOnlinePlayers).toBe(0)
    expect(yield* cache.incrementActiveGames).toEqual(Option.none())
    expect(yield* cache.decrementActiveGames).toEqual(Option.none())
    expect(yield* cache.getActiveGames).toBe(0)
    expect(yield* cache.checkRateLimit(ada, "login", 5, 60)).toBe(false)
    expect(yield* cache.getRateLimitRemaining(ada, "login", 5)).toBe(0)
    expect(yield* cache.submitScore(ada, 5)).toBe(false)
    expect(yield* cache.lookupLeaderboard({ offset: 0, limit: 10 })).toEqual(bypass)
    expect(yield* cache.setLeaderboard({ offset: 0, limit: 10 }, [])).toBe(false)
    expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.none())
    expect(yield* cache.rebuildLeaderboard(Stream.make({ userId: ada, score: 5 }))).toBe(false)
    expect(yield* cache.set("my-key", Schema.String, "value")).toBe(false)
    expect(yield* cache.get("my-key", Schema.String)).toEqual(Option.none())
    expect(yield* cache.del("my-key")).toBe(false)
    const stats_ = yield* cache.getStats
    expect(stats_).toMatchObject({ onlinePlayers: 0, activeGames: 0 })
    expect(stats_.failures).toBeGreaterThan(30)
  })

describe("without Redis", () => {
  it.effect("every read answers none, every write false, and nothing fails", () =>
    Effect.gen(function* () {
      const cache = yield* CacheService.CacheService
      yield* answersNothing(cache, "Disabled")
      expect(yield* cache.isAvailable).toBe(false)
      expect(yield* cache.getStats).toMatchObject({ available: false, connected: false })
    }).pipe(Effect.provide(Layer.provide(CacheService.layer, layerOff)))
  )

  const errors: ReadonlyArray<readonly [RedisError, reason: string]> = [
    [new RedisUnavailable({ reason: "CircuitOpen" }), "CircuitOpen"],
    [new RedisTimeout({ command: "GET", waitedMillis: 500 }), "RedisTimeout"],
    [new RedisConnectionLost({ command: "GET" }), "RedisConnectionLost"],
    [new RedisServerError({ command: "GET", code: "LOADING", detail: "LOADING" }), "RedisServerError"]
  ]
  for (const [error, reason] of errors) {
    it.effect(`every operation answers the same when commands end in ${reason}`, () =>
      Effect.gen(function* () {
        const failure = yield* FailingRedis.failure
        yield* Ref.set(failure, Option.some(error))
        yield* Effect.flatMap(CacheService.CacheService, (cache) => answersNothing(cache, reason)).pipe(
          Effect.provide(Layer.provide(CacheService.layer, FailingRedis.layer(failure, MemoryRedis.layer)))
        )
      })
    )
  }

  it.scopedLive.skipIf(RedisServer.skipReason !== undefined)(
    "a killed server costs the cached values and nothing else, and hits return when it does",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const client = BunRedis.layer(
          { host: "127.0.0.1", port: server.port },
          { reconnect: Schedule.spaced("10 millis") }
        )
        yield* Effect.gen(function* () {
          const cache = yield* CacheService.CacheService
          yield* cache.setUserProfile(ada, profile)
          expect(yield* cache.getUserProfile(ada)).toEqual(Option.some(profile))

          yield* server.kill
          expect(yield* cache.getUserProfile(ada)).toEqual(Option.none())
          expect(yield* cache.setUserProfile(ada, profile)).toBe(false)
          expect((yield* cache.lookupUserProfile(ada))._tag).toBe("Bypass")
          expect(yield* cache.getStats).toMatchObject({ available: false, connected: false })

          yield* server.start()
          yield* Effect.repeat(cache.isAvailable, {
            until: (available) => available,
            schedule: Schedule.spaced("5 millis")
          }).pipe(Effect.timeout("20 seconds"))
          expect(yield* cache.lookupUserProfile(ada)).toEqual({ _tag: "Miss" })
          expect(yield* cache.setUserProfile(ada, profile)).toBe(true)
          expect(yield* cache.getUserProfile(ada)).toEqual(Option.some(profile))
        }).pipe(Effect.provide(Layer.provide(CacheService.layer, client)))
      })
  )
})

describe("the cache's log", () => {
  const logged = <A, E>(
    body: (
      cache: CacheService.CacheService.Service,
      failure: FailingRedis.Failure,
      lines: (level: string) => ReadonlyArray<string>
    ) => Effect.Effect<A, E>
  ) =>
    Effect.gen(function* () {
      const failure = yield* FailingRedis.failure
      const log = yield* CapturedLog.make
      const lines = (level: string) => log.lines.filter((line) => line.level === level).map(({ text }) => text)
      yield* Effect.flatMap(CacheService.CacheService, (cache) => body(cache, failure, lines)).pipe(
        Effect.provide(Layer.provide(CacheService.layer, FailingRedis.layer(failure, MemoryRedis.layer))),
        Effect.provide(log.layer)
      )
    })

  it.effect("shows hits and misses at debug level, with the key", () =>
    logged((cache, _, lines) =>
      Effect.gen(function* () {
        yield* cache.getUserBalance(ada)
        yield* cache.setUserBalance(ada, 5)
        yield* cache.getUserBalance(ada)
        expect(lines("DEBUG")).toEqual(["cache MISS: user:balance:ada", "cache HIT: user:balance:ada"])
        expect([...lines("INFO"), ...lines("WARN")]).toEqual([])
      })
    )
  )

  it.effect("says once that Redis is away and once that it is back, however many calls are made", () =>
    logged((cache, failure, lines) =>
      Effect.gen(function* () {
        for (let outage = 1; outage <= 2; outage++) {
          yield* Ref.set(failure, Option.some(new RedisUnavailable({ reason: "Disconnected" })))
          yield* Effect.forEach(Array.from({ length: 100 }), () => cache.getUserBalance(ada), {
            concurrency: "unbounded"
          })
          yield* Ref.set(failure, Option.some(new RedisUnavailable({ reason: "CircuitOpen" })))
          yield* cache.setUserBalance(ada, 5)
          expect(lines("WARN").length).toBe(outage)
          expect(lines("INFO").length).toBe(outage - 1)

          yield* Ref.set(failure, Option.none())
          yield* Effect.forEach(Array.from({ length: 100 }), () => cache.getUserBalance(ada))
          expect(lines("WARN").length).toBe(outage)
          expect(lines("INFO").length).toBe(outage)
        }
        expect(lines("WARN")[0]).toContain("Redis is disconnected")
        expect((yield* cache.getStats).failures).toBe(202)
      })
    )
  )

  it.effect("says once that a kind of command fails while others succeed, and again after a quiet minute", () =>
    logged((cache, failure, lines) =>
      Effect.gen(function* () {
        const full = Option.some(new RedisServerError({ command: "SET", code: "OOM", detail: "OOM no memory" }))
        const failOnce = Ref.set(failure, full).pipe(
          Effect.zipRight(cache.setUserBalance(ada, 5)),
          Effect.zipRight(Ref.set(failure, Option.none())),
          Effect.zipRight(cache.getUserBalance(ada))
        )
        yield* Effect.repeatN(failOnce, 9)
        expect(lines("WARN").length).toBe(1)
        expect(lines("WARN")[0]).toContain("OOM no memory")
        yield* TestClock.adjust("2 minutes")
        yield* Effect.repeatN(failOnce, 9)
        expect(lines("WARN").length).toBe(2)
      })
    )
  )
})

describe("the times to live", () => {
  it.effect("end the cached values, each at its own", () =>
    Effect.gen(function* () {
      const cache = yield* CacheService.CacheService
      yield* cache.setUserProfile(ada, profile)
      yield* cache.setUserBalance(ada, 5)
      yield* cache.setUserStats(ada, stats)
      yield* cache.setGameState(game, state)
      const cached = Effect.map(
        Effect.all([
          cache.getUserBalance(ada),
          cache.getUserStats(ada),
          cache.getUserProfile(ada),
          cache.getGameState(game)
        ]),
        (values) => values.map((value) => Option.isSome<unknown>(value))
      )
      yield* TestClock.adjust("59 seconds")
      expect(yield* cached).toEqual([true, true, true, true])
      yield* TestClock.adjust("1 second")
      expect(yield* cached).toEqual([false, true, true, true])
      yield* TestClock.adjust("1 minute")
      expect(yield* cached).toEqual([false, false, true, true])
      yield* TestClock.adjust("3 minutes")
      expect(yield* cached).toEqual([false, false, false, true])
      yield* TestClock.adjust("55 minutes")
      expect(yield* cached).toEqual([false, false, false, false])
    }).pipe(Effect.provide(Layer.provide(CacheService.layer, MemoryRedis.layer)))
  )

  it.effect("are those of the variables where these are set", () =>
    Effect.gen(function* () {
      const cache = yield* CacheService.CacheService
      yield* cache.setUserProfile(ada, profile)
      yield* cache.setUserBalance(ada, 5)
      const redis = yield* RedisClient
      expect(yield* redis.ttl("user:profile:ada")).toEqual(Option.some(Duration.seconds(7)))
      expect(yield* redis.ttl("user:balance:ada")).toEqual(Option.some(Duration.minutes(1)))
    }).pipe(
      Effect.provide(Layer.provideMerge(CacheService.layerConfig, MemoryRedis.layer)),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["CACHE_USER_PROFILE_TTL", "7"]])))
    )
  )

  it.effect("keep the layer from being built when a variable is wrong", () =>
    Effect.gen(function* () {
      const built = yield* Effect.either(
        Effect.provide(CacheService.CacheService, Layer.provide(CacheService.layerConfig, MemoryRedis.layer)).pipe(
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["CACHE_BALANCE_TTL", "1 minute"]])))
        )
      )
      expect(String(Either.getOrElse(Either.flip(built), () => ""))).toContain("CACHE_BALANCE_TTL")
    })
  )

  it.effect("bound how long a leaderboard passes for whole", () =>
    Effect.gen(function* () {
      const cache = yield* CacheService.CacheService
      yield* cache.rebuildLeaderboard(Stream.make({ userId: ada, score: 5 }))
      yield* TestClock.adjust("59 minutes")
      expect(Option.isSome(yield* cache.getLeaderboardRank(ada))).toBe(true)
      yield* TestClock.adjust("1 minute")
      expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.none())
    }).pipe(Effect.provide(Layer.provide(CacheService.layer, MemoryRedis.layer)))
  )

  it.effect("do not hide a score that could not be entered: the leaderboard is not whole without it", () =>
    Effect.gen(function* () {
      const failure = yield* FailingRedis.failure
      yield* Effect.gen(function* () {
        const cache = yield* CacheService.CacheService
        const scores = Stream.make({ userId: ada, score: 5 })
        yield* cache.rebuildLeaderboard(scores)
        yield* Ref.set(failure, Option.some(new RedisTimeout({ command: "EVALSHA", waitedMillis: 500 })))
        expect(yield* cache.submitScore(ada, 9)).toBe(false)
        yield* Ref.set(failure, Option.none())
        expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.none())
        yield* cache.rebuildLeaderboard(scores)
        expect(Option.isSome(yield* cache.getLeaderboardRank(ada))).toBe(true)
      }).pipe(Effect.provide(Layer.provide(CacheService.layer, FailingRedis.layer(failure, MemoryRedis.layer))))
    })
  )
})
