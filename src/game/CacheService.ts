/**
 * The cache of the game: profiles, balances, statistics, game states, counters and rate limits, cached.
 *
 * @since 0.1.0
 */
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { CacheStats } from "../cache/observe/CacheStats.js"
import type { CacheResult, TypedCache } from "../cache/TypedCache.js"
import * as Counter from "../coordination/Counter.js"
import * as RateLimiter from "../coordination/RateLimiter.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import type { CacheServiceStats } from "./CacheServiceStats.js"
import type { Database } from "./Database.js"
import type { LeaderboardRow, Page, Score } from "./GlobalLeaderboard.js"
import * as OnlinePlayers from "./OnlinePlayers.js"
import type { GameId, GameState, UserId, UserProfile, UserStats } from "./Player.js"
import * as PlayerCaches from "./PlayerCaches.js"
import * as RawKeys from "./RawKeys.js"

export type { CacheResult } from "../cache/TypedCache.js"
export type { CacheServiceStats } from "./CacheServiceStats.js"
export type { LeaderboardRow } from "./GlobalLeaderboard.js"

/**
 * Cache-only operations. While Redis is away reads answer none, writes answer false, and nothing fails: falling back to
 * the database is `PlayerService`'s work. The same is answered for an id or key that is empty, longer than 512 bytes or
 * holds a control character, and for a value that does not satisfy its schema.
 *
 * A `true` of a write or an invalidation means that Redis has done it, whatever was there before. After a `false` of
 * either the value is not read from Redis until it is surely gone. A stored value that no longer decodes is a miss.
 *
 * `get…` answers a value, `lookup…` also where it came from and the time it has left.
 *
 * @since 0.1.0
 * @category services
 */
export class CacheService extends Context.Tag("effect-cache-toolkit/CacheService")<
  CacheService,
  CacheService.Service
>() {}

/**
 * @since 0.1.0
 */
export declare namespace CacheService {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    readonly setUserProfile: (userId: UserId, profile: UserProfile) => Effect.Effect<boolean>
    readonly getUserProfile: (userId: UserId) => Effect.Effect<Option.Option<UserProfile>>
    readonly getUserProfileResult: (userId: UserId) => Effect.Effect<Option.Option<CacheResult<UserProfile>>>
    readonly invalidateUserProfile: (userId: UserId) => Effect.Effect<boolean>

    readonly setUserBalance: (userId: UserId, balance: number) => Effect.Effect<boolean>
    readonly getUserBalance: (userId: UserId) => Effect.Effect<Option.Option<number>>
    readonly getUserBalanceResult: (userId: UserId) => Effect.Effect<Option.Option<CacheResult<number>>>
    readonly invalidateUserBalance: (userId: UserId) => Effect.Effect<boolean>

    readonly setUserStats: (userId: UserId, stats: UserStats) => Effect.Effect<boolean>
    readonly getUserStats: (userId: UserId) => Effect.Effect<Option.Option<UserStats>>
    readonly getUserStatsResult: (userId: UserId) => Effect.Effect<Option.Option<CacheResult<UserStats>>>
    readonly invalidateUserStats: (userId: UserId) => Effect.Effect<boolean>

    readonly setGameState: (gameId: GameId, state: GameState) => Effect.Effect<boolean>
    readonly getGameState: (gameId: GameId) => Effect.Effect<Option.Option<GameState>>
    readonly getGameStateResult: (gameId: GameId) => Effect.Effect<Option.Option<CacheResult<GameState>>>
    readonly invalidateGameState: (gameId: GameId) => Effect.Effect<boolean>

    /** Profile, balance and statistics of a user; never rate limits. */
    readonly invalidateUser: (userId: UserId) => Effect.Effect<boolean>

    /**
     * Lets a player be online for a minute from now on; to stay online it is called again in time, as by a player's
     * heartbeat. The count, as of `getOnlinePlayers`; none while Redis is away.
     */
    readonly playerOnline: (userId: UserId) => Effect.Effect<Option.Option<number>>
    /** The player is online no more. The count; none while Redis is away. */
    readonly playerOffline: (userId: UserId) => Effect.Effect<Option.Option<number>>
    /**
     * Counts one anonymous player more, or less. A player that is counted and never uncounted stays counted. This
     * count never falls below 0. Answers as `getOnlinePlayers`; none while Redis is away.
     */
    readonly incrementOnlinePlayers: Effect.Effect<Option.Option<number>>
    readonly decrementOnlinePlayers: Effect.Effect<Option.Option<number>>
    /** The players that are online, see `playerOnline`, and the players that were only counted. 0 while Redis is away. */
    readonly getOnlinePlayers: Effect.Effect<number>
    /** The new count, none while Redis is away. */
    readonly incrementActiveGames: Effect.Effect<Option.Option<number>>
    readonly decrementActiveGames: Effect.Effect<Option.Option<number>>
    readonly getActiveGames: Effect.Effect<number>

    /**
     * Counts one call in a fixed window and says whether it is within the limit. While Redis is away `onUnavailable`
     * decides: false by default.
     */
    readonly checkRateLimit: (
      userId: string,
      action: string,
      limit: number,
      windowSeconds: number,
      onUnavailable?: RateLimiter.OutagePolicy
    ) => Effect.Effect<boolean>
    /**
     * What is left in the running window, the whole limit when none runs. While Redis is away `onUnavailable` decides: 0 by
     * default.
     */
    readonly getRateLimitRemaining: (
      userId: string,
      action: string,
      limit: number,
      onUnavailable?: RateLimiter.OutagePolicy
    ) => Effect.Effect<number>

    /**
     * Enters a score into the sorted set `leaderboard:global`, which keeps a player's best. Of equal scores the one with
     * the smaller `arrival` ranks first, and without it the one that was entered first.
     */
    readonly submitScore: (userId: UserId, score: number, arrival?: number) => Effect.Effect<boolean>
    /**
     * A page of `leaderboard:global`: as it was cached under a key of its own for CACHE_LEADERBOARD_TTL, else from the
     * sorted set if that holds the whole leaderboard, see `rebuildLeaderboard`.
     */
    readonly getLeaderboard: (page: Page) => Effect.Effect<Option.Option<ReadonlyArray<LeaderboardRow>>>
    /** Caches a page that was read elsewhere. */
    readonly setLeaderboard: (page: Page, rows: ReadonlyArray<LeaderboardRow>) => Effect.Effect<boolean>
    /** Rank and score; none when absent, and when the sorted set does not hold the whole leaderboard. */
    readonly getLeaderboardRank: (userId: UserId) => Effect.Effect<Option.Option<LeaderboardRow>>
    /**
     * Enters everybody's best score, after which the sorted set counts as whole: for an hour, until it is lost (a flush,
     * a restart of the server), or until a score could not be entered. Says whether all were entered.
     */
    readonly rebuildLeaderboard: <E>(scores: Stream.Stream<Score, E>) => Effect.Effect<boolean, E>

    /**
     * Stores any value under any plain key: one that belongs to no cache, does not begin with `lock:`, `semaphore:`,
     * `ratelimit:`, `counters:`, `presence:` or `leaderboard:`, and holds no board. Under others `set` and `del` answer false
     * and `get` none. Without a `ttl` for the default of one hour, never for
     * ever. A bare number is no `ttl`, since nobody can see whether it means seconds.
     */
    readonly set: <A, I>(key: string, schema: Schema.Schema<A, I>, value: A, ttl?: TimeToLive) => Effect.Effect<boolean>
    readonly get: <A, I>(key: string, schema: Schema.Schema<A, I>) => Effect.Effect<Option.Option<A>>
    /** Deletes a plain key, see `set`; one of a cache is invalidated in every process. */
    readonly del: (key: string) => Effect.Effect<boolean>
    /**
     * Deletes the plain keys (see `set`) and the caches' that match a glob pattern and says how many; none while Redis is
     * away. Locks, limits, counters, boards and markers stay. A cache with keys that the pattern can match is cleared in
     * every process. Escape what users enter with `RedisKey.escapeGlob`.
     */
    readonly delPattern: (pattern: string) => Effect.Effect<Option.Option<number>>
    /** Empties the database, counters, rate limits and leaderboard included, and clears the caches in every process. */
    readonly flushDb: Effect.Effect<boolean>
    readonly isAvailable: Effect.Effect<boolean>
    readonly getStats: Effect.Effect<CacheServiceStats>
  }
}

/**
 * A duration that says its unit: `"5 minutes"`, `Duration.seconds(300)`.
 *
 * @since 0.1.0
 * @category models
 */
export type TimeToLive = Exclude<Duration.DurationInput, number | bigint>

const defaultTimeToLive: TimeToLive = "1 hour"

/** What a cache does without a lookup, where an id that can be no key is one that nothing is stored under. */
const cacheOnly = <Key, Value, E>(cache: TypedCache<Key, Value, E>) => {
  const lookup = (id: Key): Effect.Effect<Option.Option<CacheResult<Value>>> =>
    Effect.catchTag(cache.getOption(id), "InvalidKey", () => Effect.succeedNone)
  return {
    set: (id: Key, value: Value) => Effect.catchTag(cache.set(id, value), "InvalidKey", () => Effect.succeed(false)),
    get: (id: Key) =>
      Effect.map(
        lookup(id),
        Option.map(({ value }) => value)
      ),
    lookup,
    invalidate: (id: Key) => Effect.catchTag(cache.invalidate(id), "InvalidKey", () => Effect.succeed(false))
  }
}

const total = (stats: ReadonlyArray<CacheStats>, count: (stats: CacheStats) => number) =>
  stats.reduce((sum, each) => sum + count(each), 0)

/**
 * Builds the service on a client and the caches.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<CacheService.Service, never, PlayerCaches.PlayerCaches | RedisClient> = Effect.gen(
  function* () {
    const redis = yield* RedisClient
    const { all, attempts, leaderboard, ...caches } = yield* PlayerCaches.PlayerCaches
    const plain = yield* RawKeys.make({ attempts, owners: all })
    const rateLimiter = yield* RateLimiter.make
    const onlinePlayers = yield* OnlinePlayers.make
    const activeGames = yield* Counter.make({ key: "active_games" })

    const profiles = cacheOnly(caches.profiles)
    const balances = cacheOnly(caches.balances)
    const stats = cacheOnly(caches.stats)
    const games = cacheOnly(caches.games)
    const pages = cacheOnly(caches.leaderboardPages)

    const answer = <A>(operation: Effect.Effect<A, RedisError>): Effect.Effect<Option.Option<A>> =>
      Effect.map(attempts.attempt(operation), Option.getRight)
    const answerOr = <A>(operation: Effect.Effect<A, RedisError>, fallback: A): Effect.Effect<A> =>
      Effect.map(
        answer(operation),
        Option.getOrElse(() => fallback)
      )

    /** What a limit answers, of whose failures none is lost that its policy hides. */
    const limited = <A>(
      userId: string,
      action: string,
      fallback: A,
      ask: (key: string) => Effect.Effect<readonly [A, RateLimiter.Decision], RedisError>
    ): Effect.Effect<A> =>
      Either.match(RateLimiter.key(action, userId), {
        onLeft: () => Effect.succeed(fallback),
        onRight: (key) =>
          Effect.gen(function* () {
            const asked = yield* Effect.either(ask(key))
            if (Either.isLeft(asked)) return yield* Effect.as(attempts.attempt(asked), fallback)
            const [answered, decision] = asked.right
            if (decision._tag === "Outage") yield* attempts.attempt(Effect.fail(decision.error))
            if (decision._tag === "Redis") yield* attempts.attempt(Effect.void)
            return answered
          })
      })

    const ifKey =
      (operation: (userId: UserId) => Effect.Effect<number, RedisError>) =>
      (userId: UserId): Effect.Effect<Option.Option<number>> =>
        Either.isRight(RedisKey.make("player", userId)) ? answer(operation(userId)) : Effect.succeedNone

    const getOnlinePlayers = answerOr(onlinePlayers.count, 0)
    const getActiveGames = answerOr(activeGames.get, 0)

    return CacheService.of({
      setUserProfile: profiles.set,
      getUserProfile: profiles.get,
      getUserProfileResult: profiles.lookup,
      invalidateUserProfile: profiles.invalidate,

      setUserBalance: balances.set,
      getUserBalance: balances.get,
      getUserBalanceResult: balances.lookup,
      invalidateUserBalance: balances.invalidate,

      setUserStats: stats.set,
      getUserStats: stats.get,
      getUserStatsResult: stats.lookup,
      invalidateUserStats: stats.invalidate,

      setGameState: games.set,
      getGameState: games.get,
      getGameStateResult: games.lookup,
      invalidateGameState: games.invalidate,

      invalidateUser: (userId) =>
        Effect.map(
          Effect.all([profiles.invalidate(userId), balances.invalidate(userId), stats.invalidate(userId)], {
            concurrency: "unbounded"
          }),
          (done) => done.every(Boolean)
        ),

      playerOnline: ifKey(onlinePlayers.beat),
      playerOffline: ifKey(onlinePlayers.leave),
      incrementOnlinePlayers: answer(onlinePlayers.increment),
      decrementOnlinePlayers: answer(onlinePlayers.decrement),
      getOnlinePlayers,
      incrementActiveGames: answer(activeGames.increment),
      decrementActiveGames: answer(activeGames.decrement),
      getActiveGames,

      checkRateLimit: (userId, action, limit, windowSeconds, onUnavailable = "deny") =>
        limited(userId, action, false, (key) =>
          Effect.map(
            rateLimiter.consume(
              key,
              RateLimiter.fixedWindow({ limit, window: Duration.seconds(windowSeconds), onUnavailable })
            ),
            ({ allowed, decision }) => [allowed, decision]
          )
        ),
      getRateLimitRemaining: (userId, action, limit, onUnavailable = "deny") =>
        limited(userId, action, 0, (key) =>
          Effect.map(
            // the window that runs knows its end: the length of the next one is not asked for
            rateLimiter.peek(key, RateLimiter.fixedWindow({ limit, window: "1 second", onUnavailable })),
            ({ decision, remaining }) => [remaining, decision]
          )
        ),

      submitScore: (userId, score, arrival) => leaderboard.submit({ userId, score, arrival }),
      getLeaderboard: (page) =>
        Effect.flatMap(
          pages.get(page),
          Option.match({ onNone: () => leaderboard.top(page), onSome: Effect.succeedSome })
        ),
      setLeaderboard: pages.set,
      getLeaderboardRank: leaderboard.rankOf,
      rebuildLeaderboard: leaderboard.rebuild,

      set: (key, schema, value, ttl = defaultTimeToLive) => plain.set(key, schema, value, ttl),
      get: plain.get,
      del: plain.del,
      delPattern: plain.delPattern,
      flushDb: plain.flushDb,
      isAvailable: redis.isAvailable,
      getStats: Effect.gen(function* () {
        const { connected } = yield* redis.getStatus
        const available = yield* redis.isAvailable
        const [online, active] = yield* Effect.zip(getOnlinePlayers, getActiveGames, { concurrent: true })
        const counted = yield* Effect.forEach(all, ({ stats }) => stats)
        const failures = yield* attempts.failures
        return {
          available,
          connected,
          onlinePlayers: online,
          activeGames: active,
          hits: total(counted, ({ hitsLocal, hitsRedis, staleServed }) => hitsLocal + hitsRedis + staleServed),
          misses: total(counted, ({ misses }) => misses),
          decodeFailures: total(counted, ({ decodeFailures }) => decodeFailures),
          failures: total(counted, ({ redisFailures }) => redisFailures) + failures,
          caches: counted
        }
      })
    })
  }
)

const withCaches = Layer.effect(CacheService, make)

/**
 * The service with the default times to live, and the caches that it shares with `PlayerService`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<CacheService | PlayerCaches.PlayerCaches, never, Database | RedisClient> =
  Layer.provideMerge(withCaches, PlayerCaches.layer)

/**
 * As `layer`, with the times to live of the `CACHE_*_TTL` variables. Fails with a `ConfigError` that names the variable
 * whose value is wrong and says what it accepts.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<
  CacheService | PlayerCaches.PlayerCaches,
  ConfigError.ConfigError,
  Database | RedisClient
> = Layer.provideMerge(withCaches, PlayerCaches.layerConfig)
