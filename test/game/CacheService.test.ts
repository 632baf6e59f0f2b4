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
import * as MemoryDatabase from "../../src/game/database/MemoryDatabase.js"
import { GameId, GameState, UserId, UserProfile, UserStats } from "../../src/game/Player.js"
import * as MemoryRedis from "../../src/redis/memory/MemoryRedis.js"
import { layerOff, RedisClient } from "../../src/redis/RedisClient.js"
import {
  RedisConnectionLost,
  type RedisError,
  RedisServerError,
  RedisTimeout,
  RedisUnavailable
} from "../../src/redis/RedisError.js"
import * as CapturedLog from "../support/CapturedLog.js"
import * as FailingRedis from "../support/faults/FailingRedis.js"
import { driverUnderTest } from "../support/server/drivers.js"
import * as RedisServer from "../support/server/RedisServer.js"

const ada = UserId.make("ada")
const bob = UserId.make("bob")
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

/** The service over a client, with a database that nobody asks. */
const over = <E>(redis: Layer.Layer<RedisClient, E>) =>
  CacheService.layer.pipe(Layer.provideMerge(redis), Layer.provide(MemoryDatabase.layer))

/** Every operation's answer without a server: none, zero or false, and no error. */
const answersNothing = (cache: CacheService.CacheService.Service) =>
  Effect.gen(function* () {
    expect(yield* cache.setUserProfile(ada, profile)).toBe(false)
    expect(yield* cache.getUserProfile(ada)).toEqual(Option.none())
    expect(yield* cache.getUserProfileResult(ada)).toEqual(Option.none())
    expect(yield* cache.invalidateUserProfile(ada)).toBe(false)
    expect(yield* cache.setUserBalance(ada, 1)).toBe(false)
    expect(yield* cache.getUserBalance(ada)).toEqual(Option.none())
    expect(yield* cache.getUserBalanceResult(ada)).toEqual(Option.none())
    expect(yield* cache.invalidateUserBalance(ada)).toBe(false)
    expect(yield* cache.setUserStats(ada, stats)).toBe(false)
    expect(yield* cache.getUserStats(ada)).toEqual(Option.none())
    expect(yield* cache.getUserStatsResult(ada)).toEqual(Option.none())
    expect(yield* cache.invalidateUserStats(ada)).toBe(false)
    expect(yield* cache.setGameState(game, state)).toBe(false)
    expect(yield* cache.getGameState(game)).toEqual(Option.none())
    expect(yield* cache.getGameStateResult(game)).toEqual(Option.none())
    expect(yield* cache.invalidateGameState(game)).toBe(false)
    expect(yield* cache.invalidateUser(ada)).toBe(false)
    expect(yield* cache.playerOnline(ada)).toEqual(Option.none())
    expect(yield* cache.playerOffline(ada)).toEqual(Option.none())
    expect(yield* cache.incrementOnlinePlayers).toEqual(Option.none())
    expect(yield* cache.decrementOnlinePlayers).toEqual(Option.none())
    expect(yield* cache.getOnlinePlayers).toBe(0)
    expect(yield* cache.incrementActiveGames).toEqual(Option.none())
    expect(yield* cache.decrementActiveGames).toEqual(Option.none())
    expect(yield* cache.getActiveGames).toBe(0)
    expect(yield* cache.checkRateLimit(ada, "login", 5, 60)).toBe(false)
    expect(yield* cache.getRateLimitRemaining(ada, "login", 5)).toBe(0)
    expect(yield* cache.submitScore(ada, 5)).toBe(false)
    expect(yield* cache.getLeaderboard({ offset: 0, limit: 10 })).toEqual(Option.none())
    expect(yield* cache.setLeaderboard({ offset: 0, limit: 10 }, [])).toBe(false)
    expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.none())
    expect(yield* cache.rebuildLeaderboard(Stream.make({ userId: ada, score: 5 }))).toBe(false)
    expect(yield* cache.set("my-key", Schema.String, "value")).toBe(false)
    expect(yield* cache.get("my-key", Schema.String)).toEqual(Option.none())
    expect(yield* cache.del("my-key")).toBe(false)
    expect(yield* cache.del("user:balance:ada")).toBe(false)
    expect(yield* cache.delPattern("user:*")).toEqual(Option.none())
    expect(yield* cache.flushDb).toBe(false)
    const stats_ = yield* cache.getStats
    expect(stats_).toMatchObject({ onlinePlayers: 0, activeGames: 0 })
    expect(stats_.failures).toBeGreaterThan(30)
  })

describe("without Redis", () => {
  it.effect("every read answers none, every write false, and nothing fails", () =>
    Effect.gen(function* () {
      const cache = yield* CacheService.CacheService
      yield* answersNothing(cache)
      expect(yield* cache.isAvailable).toBe(false)
      expect(yield* cache.getStats).toMatchObject({ available: false, connected: false })
    }).pipe(Effect.provide(over(layerOff)))
  )

  it.effect("a rate limit is decided by the policy that it is given", () =>
    Effect.gen(function* () {
      const cache = yield* CacheService.CacheService
      expect(yield* cache.checkRateLimit(ada, "login", 5, 60, "allow")).toBe(true)
      expect(yield* cache.getRateLimitRemaining(ada, "login", 5, "allow")).toBe(5)
      const share = { local: { processes: 4 } }
      const calls = yield* Effect.replicateEffect(cache.checkRateLimit(ada, "login", 8, 60, share), 4)
      expect(calls).toEqual([true, true, false, false])
      expect(yield* cache.getRateLimitRemaining(ada, "login", 8, share)).toBe(0)
      expect((yield* cache.getStats).failures).toBeGreaterThanOrEqual(7)
    }).pipe(Effect.provide(over(layerOff)))
  )

  const errors: ReadonlyArray<RedisError> = [
    new RedisUnavailable({ reason: "CircuitOpen" }),
    new RedisTimeout({ command: "GET", waitedMillis: 500 }),
    new RedisConnectionLost({ command: "GET" }),
    new RedisServerError({ command: "GET", code: "LOADING", detail: "LOADING" })
  ]
  for (const error of errors) {
    it.effect(`every operation answers the same when commands end in ${error._tag}`, () =>
      Effect.gen(function* () {
        const failure = yield* FailingRedis.failure
        yield* Ref.set(failure, Option.some(error))
        yield* Effect.flatMap(CacheService.CacheService, answersNothing).pipe(
          Effect.provide(over(FailingRedis.layer(failure, MemoryRedis.layer()))),
          // a set of unknown fate answers only when it can no longer arrive
          Effect.raceFirst(Effect.forever(TestClock.adjust("100 millis")))
        )
      })
    )
  }

  it.scopedLive.skipIf(RedisServer.skipReason !== undefined)(
    "a killed server costs the cached values and nothing else, and hits return when it does",
    () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const client = driverUnderTest.layer(
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
          expect(yield* cache.getStats).toMatchObject({ available: false, connected: false })

          yield* server.start()
          yield* cache
            .setUserProfile(ada, profile)
            .pipe(
              Effect.zipRight(cache.getUserProfile(ada)),
              Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced("5 millis") }),
              Effect.timeout("20 seconds")
            )
          expect(yield* cache.getUserProfile(ada)).toEqual(Option.some(profile))
        }).pipe(Effect.provide(over(client)))
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
        Effect.provide(over(FailingRedis.layer(failure, MemoryRedis.layer()))),
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
          yield* Effect.all([cache.setUserBalance(ada, 5), cache.getUserStats(ada), cache.getOnlinePlayers])
          expect(lines("WARN").length).toBe(outage)
          expect(lines("INFO").length).toBe(outage - 1)

          yield* Ref.set(failure, Option.none())
          // the balance that was not taken is invalidated first
          yield* TestClock.adjust("2 seconds")
          yield* Effect.forEach(Array.from({ length: 100 }), () => cache.getUserBalance(ada))
          expect(lines("WARN").length).toBe(outage)
          expect(lines("INFO").length).toBe(outage)
        }
        expect(lines("WARN")[0]).toContain("Redis is disconnected")
        expect((yield* cache.getStats).failures).toBe(206)
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
          Effect.zipRight(TestClock.adjust("1 second")),
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
  const configured = CacheService.layerConfig.pipe(
    Layer.provideMerge(MemoryRedis.layer()),
    Layer.provide(MemoryDatabase.layer)
  )

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
    }).pipe(Effect.provide(over(MemoryRedis.layer())))
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
      Effect.provide(configured),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["CACHE_USER_PROFILE_TTL", "7"]])))
    )
  )

  it.effect("keep the layer from being built when a variable is wrong", () =>
    Effect.gen(function* () {
      const built = yield* Effect.either(
        Effect.provide(CacheService.CacheService, configured).pipe(
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["CACHE_BALANCE_TTL", "1 minute"]])))
        )
      )
      expect(String(Either.getOrElse(Either.flip(built), () => ""))).toContain("CACHE_BALANCE_TTL")
    })
  )

  it.effect("let a player be online for a minute after a beat, beside the players that were only counted", () =>
    Effect.gen(function* () {
      const cache = yield* CacheService.CacheService
      yield* cache.incrementOnlinePlayers
      yield* cache.playerOnline(ada)
      yield* TestClock.adjust("30 seconds")
      expect(yield* cache.playerOnline(bob)).toEqual(Option.some(3))
      yield* TestClock.adjust("30 seconds")
      expect(yield* cache.getOnlinePlayers).toBe(2)
      expect((yield* cache.getStats).onlinePlayers).toBe(2)
      yield* TestClock.adjust("30 seconds")
      expect(yield* cache.getOnlinePlayers).toBe(1)
    }).pipe(Effect.provide(over(MemoryRedis.layer())))
  )

  it.effect("bound how long a leaderboard passes for whole", () =>
    Effect.gen(function* () {
      const cache = yield* CacheService.CacheService
      yield* cache.rebuildLeaderboard(Stream.make({ userId: ada, score: 5 }))
      yield* TestClock.adjust("59 minutes")
      expect(Option.isSome(yield* cache.getLeaderboardRank(ada))).toBe(true)
      yield* TestClock.adjust("1 minute")
      expect(yield* cache.getLeaderboardRank(ada)).toEqual(Option.none())
    }).pipe(Effect.provide(over(MemoryRedis.layer())))
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
      }).pipe(Effect.provide(over(FailingRedis.layer(failure, MemoryRedis.layer()))))
    })
  )
})
