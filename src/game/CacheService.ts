/**
 * Caches profiles, balances, statistics and game states, and keeps counters and rate limits.
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
import { InvalidOption } from "../internal/input/OptionCheck.js"
import { RedisClient } from "../redis/RedisClient.js"
import { InvalidArgument, type RedisError } from "../redis/RedisError.js"
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
 * Cache-only operations, none of which fails. While Redis is unavailable, reads answer none and writes answer false;
 * `PlayerService` falls back to the database. The same holds for an id or key that is empty, longer than 512 bytes or
 * contains a control character. It also holds for a value that does not match its schema.
 *
 * A write or an invalidation that answers true has been applied in Redis. After one that answers false, the old value
 * is not read from Redis until it is surely gone. A stored value that does not decode is a miss.
 *
 * `get…` answers a value. `get…Result` also answers its source and the time that it stays fresh.
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

    /** Invalidates profile, balance and statistics of a user, but no rate limits. */
    readonly invalidateUser: (userId: UserId) => Effect.Effect<boolean>

    /**
     * Marks a player as online for one minute; a heartbeat repeats the call in time. Answers the count of
     * `getOnlinePlayers`, none while Redis is unavailable.
     */
    readonly playerOnline: (userId: UserId) => Effect.Effect<Option.Option<number>>
    /** Marks a player as offline. Answers the count, none while Redis is unavailable. */
    readonly playerOffline: (userId: UserId) => Effect.Effect<Option.Option<number>>
    /**
     * Counts an anonymous player up or down. The player of a process that dies stays counted. The number never falls
     * below 0. Answers the count of `getOnlinePlayers`, none while Redis is unavailable.
     */
    readonly incrementOnlinePlayers: Effect.Effect<Option.Option<number>>
    readonly decrementOnlinePlayers: Effect.Effect<Option.Option<number>>
    /** The players that `playerOnline` marks, and the anonymous ones. 0 while Redis is unavailable. */
    readonly getOnlinePlayers: Effect.Effect<number>
    /** The new count, none while Redis is unavailable. */
    readonly incrementActiveGames: Effect.Effect<Option.Option<number>>
    readonly decrementActiveGames: Effect.Effect<Option.Option<number>>
    readonly getActiveGames: Effect.Effect<number>

    /**
     * Counts one call in a fixed window, and answers whether it is within the limit. While Redis is unavailable,
     * `onUnavailable` decides: false by default.
     */
    readonly checkRateLimit: (
      userId: string,
      action: string,
      limit: number,
      windowSeconds: number,
      onUnavailable?: RateLimiter.OutagePolicy
    ) => Effect.Effect<boolean>
    /**
     * The remaining calls of the current window. While Redis is unavailable, `onUnavailable` decides: 0 by default.
     */
    readonly getRateLimitRemaining: (
      userId: string,
      action: string,
      limit: number,
      onUnavailable?: RateLimiter.OutagePolicy
    ) => Effect.Effect<number>

    /**
     * Submits a score to the sorted set `leaderboard:global`, which keeps the best score of each player. Equal scores
     * rank by `arrival`, and without it by the order of submission.
     */
    readonly submitScore: (userId: UserId, score: number, arrival?: number) => Effect.Effect<boolean>
    /**
     * A page of `leaderboard:global`. It is cached for CACHE_LEADERBOARD_TTL, and otherwise read from the sorted set if
     * that is complete, see `rebuildLeaderboard`.
     */
    readonly getLeaderboard: (page: Page) => Effect.Effect<Option.Option<ReadonlyArray<LeaderboardRow>>>
    /** Caches a page that was read from the database. */
    readonly setLeaderboard: (page: Page, rows: ReadonlyArray<LeaderboardRow>) => Effect.Effect<boolean>
    /** Rank and score; none for an absent player, and while the sorted set is incomplete. */
    readonly getLeaderboardRank: (userId: UserId) => Effect.Effect<Option.Option<LeaderboardRow>>
    /**
     * Submits the best scores of all players, which makes the sorted set complete. It stays complete for an hour, until
     * Redis loses it, or until a submission fails. Answers whether every submission succeeded.
     */
    readonly rebuildLeaderboard: <E>(scores: Stream.Stream<Score, E>) => Effect.Effect<boolean, E>

    /**
     * Stores a value under a raw key, for one hour by default. A raw key belongs to no cache and holds no board. It
     * does not begin with `lock:`, `semaphore:`, `ratelimit:`, `counters:`, `presence:` or `leaderboard:`. For any
     * other key `set` and `del` answer false, and `get` answers none. A `ttl` needs a unit: a bare number could mean
     * seconds or milliseconds.
     */
    readonly set: <A, I>(key: string, schema: Schema.Schema<A, I>, value: A, ttl?: TimeToLive) => Effect.Effect<boolean>
    readonly get: <A, I>(key: string, schema: Schema.Schema<A, I>) => Effect.Effect<Option.Option<A>>
    /** Deletes a raw key, see `set`. A key of a cache is invalidated in every process. */
    readonly del: (key: string) => Effect.Effect<boolean>
    /**
     * Deletes the raw keys and the cached keys that match a glob pattern, and answers their number, none while Redis is
     * unavailable. Locks, limits, counters, boards and markers stay. A cache with a possible match is cleared in every
     * process. Escape the input of users with `RedisKey.escapeGlob`.
     */
    readonly delPattern: (pattern: string) => Effect.Effect<Option.Option<number>>
    /** Empties the database with counters, rate limits and leaderboard, and clears the caches in every process. */
    readonly flushDb: Effect.Effect<boolean>
    readonly isAvailable: Effect.Effect<boolean>
    readonly getStats: Effect.Effect<CacheServiceStats>
  }
}

/**
 * A duration with its unit: `"5 minutes"`, `Duration.seconds(300)`.
 *
 * @since 0.1.0
 * @category models
 */
export type TimeToLive = Exclude<Duration.DurationInput, number | bigint>

const defaultTimeToLive: TimeToLive = "1 hour"

/** The operations of a cache without a lookup. An id that cannot be a key holds nothing. */
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

    /** The limit of a call, whose numbers come from the caller. */
    const windowOf = (options: RateLimiter.Options): Effect.Effect<RateLimiter.RateLimit, InvalidArgument> =>
      Effect.suspend(() => {
        try {
          return Effect.succeed(RateLimiter.fixedWindow(options))
        } catch (thrown) {
          if (!(thrown instanceof InvalidOption)) throw thrown
          return new InvalidArgument({ ...thrown, command: thrown.owner, argument: thrown.option })
        }
      })

    /** Runs a rate limit, and counts the failures that its outage policy hides. */
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
          windowOf({ limit, window: Duration.seconds(windowSeconds), onUnavailable }).pipe(
            Effect.flatMap((window) => rateLimiter.consume(key, window)),
            Effect.map(({ allowed, decision }) => [allowed, decision])
          )
        ),
      getRateLimitRemaining: (userId, action, limit, onUnavailable = "deny") =>
        limited(userId, action, 0, (key) =>
          // the current window knows its end, so the length of a window is irrelevant here
          windowOf({ limit, window: "1 second", onUnavailable }).pipe(
            Effect.flatMap((window) => rateLimiter.peek(key, window)),
            Effect.map(({ decision, remaining }) => [remaining, decision])
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
 * Provides the service with the default times to live, and the caches that it shares with `PlayerService`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<CacheService | PlayerCaches.PlayerCaches, never, Database | RedisClient> =
  Layer.provideMerge(withCaches, PlayerCaches.layer)

/**
 * Like `layer`, with the times to live of the variables `CACHE_*_TTL`. Fails with a `ConfigError` that names the
 * variable and the accepted form.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<
  CacheService | PlayerCaches.PlayerCaches,
  ConfigError.ConfigError,
  Database | RedisClient
> = Layer.provideMerge(withCaches, PlayerCaches.layerConfig)
