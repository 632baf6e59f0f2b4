/**
 * The guide's CacheService: profiles, balances, statistics, game states, counters and rate limits, cached.
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
import * as CacheCodec from "../cache/CacheCodec.js"
import type { Lookup } from "../cache/ValueCache.js"
import * as ValueCache from "../cache/ValueCache.js"
import * as Counter from "../coordination/Counter.js"
import * as RateLimiter from "../coordination/RateLimiter.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import * as CacheConfig from "./CacheConfig.js"
import type { BestScore, LeaderboardRow, Page } from "./GlobalLeaderboard.js"
import * as GlobalLeaderboard from "./GlobalLeaderboard.js"
import { Balance, type GameId, GameState, type UserId, UserProfile, UserStats } from "./Player.js"

export type { Lookup } from "../cache/ValueCache.js"
export type { LeaderboardRow } from "./GlobalLeaderboard.js"

/**
 * Cache-only operations. While Redis is away reads answer none, writes answer false, and nothing fails: falling back to
 * the database is `PlayerService`'s work. The same is answered for an id or key that is empty, longer than 512 bytes or
 * holds a control character, and for a value that does not satisfy its schema.
 *
 * A `true` of a write or an invalidation means that Redis has done it, whatever was there before. A stored value that no
 * longer decodes is a miss.
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
    readonly lookupUserProfile: (userId: UserId) => Effect.Effect<Lookup<UserProfile>>
    readonly invalidateUserProfile: (userId: UserId) => Effect.Effect<boolean>

    readonly setUserBalance: (userId: UserId, balance: number) => Effect.Effect<boolean>
    readonly getUserBalance: (userId: UserId) => Effect.Effect<Option.Option<number>>
    readonly lookupUserBalance: (userId: UserId) => Effect.Effect<Lookup<number>>
    readonly invalidateUserBalance: (userId: UserId) => Effect.Effect<boolean>

    readonly setUserStats: (userId: UserId, stats: UserStats) => Effect.Effect<boolean>
    readonly getUserStats: (userId: UserId) => Effect.Effect<Option.Option<UserStats>>
    readonly lookupUserStats: (userId: UserId) => Effect.Effect<Lookup<UserStats>>
    readonly invalidateUserStats: (userId: UserId) => Effect.Effect<boolean>

    readonly setGameState: (gameId: GameId, state: GameState) => Effect.Effect<boolean>
    readonly getGameState: (gameId: GameId) => Effect.Effect<Option.Option<GameState>>
    readonly lookupGameState: (gameId: GameId) => Effect.Effect<Lookup<GameState>>
    readonly invalidateGameState: (gameId: GameId) => Effect.Effect<boolean>

    /** Profile, balance and statistics of a user; never rate limits. */
    readonly invalidateUser: (userId: UserId) => Effect.Effect<boolean>

    /** The new count, none while Redis is away. */
    readonly incrementOnlinePlayers: Effect.Effect<Option.Option<number>>
    readonly decrementOnlinePlayers: Effect.Effect<Option.Option<number>>
    /** 0 while Redis is away. */
    readonly getOnlinePlayers: Effect.Effect<number>
    readonly incrementActiveGames: Effect.Effect<Option.Option<number>>
    readonly decrementActiveGames: Effect.Effect<Option.Option<number>>
    readonly getActiveGames: Effect.Effect<number>

    /** Counts one call and says whether it is within the limit; false while Redis is away. */
    readonly checkRateLimit: (
      userId: string,
      action: string,
      limit: number,
      windowSeconds: number
    ) => Effect.Effect<boolean>
    /** What is left in the running window, the whole limit when none runs; 0 while Redis is away. */
    readonly getRateLimitRemaining: (userId: string, action: string, limit: number) => Effect.Effect<number>

    /** Enters a score into the sorted set `leaderboard:global`, which keeps a player's best. */
    readonly submitScore: (userId: UserId, score: number) => Effect.Effect<boolean>
    /**
     * A page of `leaderboard:global`, cached under a key of its own for CACHE_LEADERBOARD_TTL. A miss unless the page is
     * cached or the sorted set holds the whole leaderboard: see `rebuildLeaderboard`.
     */
    readonly lookupLeaderboard: (page: Page) => Effect.Effect<Lookup<ReadonlyArray<LeaderboardRow>>>
    /** Caches a page that was read elsewhere. */
    readonly setLeaderboard: (page: Page, rows: ReadonlyArray<LeaderboardRow>) => Effect.Effect<boolean>
    /** Rank and score; none when absent, and when the sorted set does not hold the whole leaderboard. */
    readonly getLeaderboardRank: (userId: UserId) => Effect.Effect<Option.Option<LeaderboardRow>>
    /**
     * Enters everybody's best score, after which the sorted set counts as whole: for an hour, until it is lost (a flush,
     * a restart of the server), or until a score could not be entered. Says whether all were entered.
     */
    readonly rebuildLeaderboard: <E>(scores: Stream.Stream<BestScore, E>) => Effect.Effect<boolean, E>

    /**
     * Stores any value under any key; without a `ttl` for the default of one hour, never for ever. A bare number is no
     * `ttl`, since nobody can see whether it means seconds.
     */
    readonly set: <A, I>(key: string, schema: Schema.Schema<A, I>, value: A, ttl?: TimeToLive) => Effect.Effect<boolean>
    readonly get: <A, I>(key: string, schema: Schema.Schema<A, I>) => Effect.Effect<Option.Option<A>>
    readonly del: (key: string) => Effect.Effect<boolean>
    readonly isAvailable: Effect.Effect<boolean>
    readonly getStats: Effect.Effect<CacheStats>
  }
}

/**
 * A duration that says its unit: `"5 minutes"`, `Duration.seconds(300)`.
 *
 * @since 0.1.0
 * @category models
 */
export type TimeToLive = Exclude<Duration.DurationInput, number | bigint>

/**
 * The guide's four values, and beside them what the caches counted since the start.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheStats extends ValueCache.Counts {
  /** whether a command issued now would be sent */
  readonly available: boolean
  readonly connected: boolean
  readonly onlinePlayers: number
  readonly activeGames: number
}

const defaultTimeToLive: TimeToLive = "1 hour"

/** A generic key is the caller's own: checked as an id is, and used as it stands. */
const plainKey = (key: string): ValueCache.Key => Either.map(RedisKey.make("cache", key), () => key)

/**
 * Builds the service on a client, with the given times to live.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (config: CacheConfig.CacheConfig): Effect.Effect<CacheService.Service, never, RedisClient> =>
  Effect.gen(function* () {
    const redis = yield* RedisClient
    const cache = yield* ValueCache.make
    const rateLimiter = yield* RateLimiter.make
    const onlinePlayers = yield* Counter.make({ key: "counters:players_online" })
    const activeGames = yield* Counter.make({ key: "counters:active_games" })
    const leaderboard = yield* GlobalLeaderboard.make(cache, config.leaderboardTtl)

    const values = <A, I>(prefix: string, schema: Schema.Schema<A, I>, ttl: Duration.Duration) => {
      const codec = CacheCodec.make(schema)
      const key = (id: string) => RedisKey.make(prefix, id)
      return {
        key,
        set: (id: string, value: A) => cache.set(key(id), codec, value, ttl),
        get: (id: string) => cache.get(key(id), codec),
        lookup: (id: string) => cache.lookup(key(id), codec),
        invalidate: (id: string) => cache.del(key(id))
      }
    }
    const profiles = values("user:profile", UserProfile, config.userProfileTtl)
    const balances = values("user:balance", Balance, config.balanceTtl)
    const stats = values("user:stats", UserStats, config.statsTtl)
    const games = values("game:state", GameState, config.gameStateTtl)

    const answerOr = <A>(operation: Effect.Effect<A, RedisError>, fallback: A): Effect.Effect<A> =>
      Effect.map(
        cache.attempt(operation),
        Either.getOrElse(() => fallback)
      )
    const answer = <A>(operation: Effect.Effect<A, RedisError>): Effect.Effect<Option.Option<A>> =>
      Effect.map(cache.attempt(operation), Option.getRight)

    const getOnlinePlayers = answerOr(onlinePlayers.get, 0)
    const getActiveGames = answerOr(activeGames.get, 0)

    return CacheService.of({
      setUserProfile: profiles.set,
      getUserProfile: profiles.get,
      lookupUserProfile: profiles.lookup,
      invalidateUserProfile: profiles.invalidate,

      setUserBalance: balances.set,
      getUserBalance: balances.get,
      lookupUserBalance: balances.lookup,
      invalidateUserBalance: balances.invalidate,

      setUserStats: stats.set,
      getUserStats: stats.get,
      lookupUserStats: stats.lookup,
      invalidateUserStats: stats.invalidate,

      setGameState: games.set,
      getGameState: games.get,
      lookupGameState: games.lookup,
      invalidateGameState: games.invalidate,

      invalidateUser: (userId) => cache.del(profiles.key(userId), balances.key(userId), stats.key(userId)),

      incrementOnlinePlayers: answer(onlinePlayers.increment),
      decrementOnlinePlayers: answer(onlinePlayers.decrement),
      getOnlinePlayers,
      incrementActiveGames: answer(activeGames.increment),
      decrementActiveGames: answer(activeGames.decrement),
      getActiveGames,

      checkRateLimit: (userId, action, limit, windowSeconds) =>
        Either.match(RateLimiter.key(action, userId), {
          onLeft: () => Effect.succeed(false),
          onRight: (key) =>
            Effect.map(
              answer(rateLimiter.fixedWindow({ key, limit, window: Duration.seconds(windowSeconds) })),
              Option.exists((result) => result.allowed)
            )
        }),
      getRateLimitRemaining: (userId, action, limit) =>
        Either.match(RateLimiter.key(action, userId), {
          onLeft: () => Effect.succeed(0),
          onRight: (key) =>
            answerOr(
              Effect.map(rateLimiter.peek({ key, limit }), (usage) => usage.remaining),
              0
            )
        }),

      submitScore: leaderboard.submit,
      lookupLeaderboard: leaderboard.lookup,
      setLeaderboard: leaderboard.store,
      getLeaderboardRank: leaderboard.rankOf,
      rebuildLeaderboard: leaderboard.rebuild,

      set: (key, schema, value, ttl = defaultTimeToLive) =>
        cache.set(plainKey(key), CacheCodec.make(schema), value, ttl),
      get: (key, schema) => cache.get(plainKey(key), CacheCodec.make(schema)),
      del: (key) => cache.del(plainKey(key)),
      isAvailable: redis.isAvailable,
      getStats: Effect.gen(function* () {
        const { connected } = yield* redis.getStatus
        const available = yield* redis.isAvailable
        const [online, active] = yield* Effect.zip(getOnlinePlayers, getActiveGames, { concurrent: true })
        const counts = yield* cache.counts
        return { available, connected, onlinePlayers: online, activeGames: active, ...counts }
      })
    })
  })

/**
 * The service with the guide's times to live.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<CacheService, never, RedisClient> = Layer.effect(
  CacheService,
  make(CacheConfig.defaults)
)

/**
 * The service with the times to live of the `CACHE_*_TTL` variables. Fails with a `ConfigError` that names the variable
 * whose value is wrong and says what it accepts.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<CacheService, ConfigError.ConfigError, RedisClient> = Layer.effect(
  CacheService,
  Effect.flatMap(CacheConfig.config, make)
)
