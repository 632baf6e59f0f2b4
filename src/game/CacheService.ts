/**
 * The guide's CacheService: profiles, balances, statistics, game states, counters and rate limits, cached.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { GameId, GameState, UserId, UserProfile, UserStats } from "./Player.js"

/**
 * Cache-only operations. While Redis is away reads answer none, writes answer false, and nothing fails: falling back to
 * the database is `PlayerService`'s work.
 *
 * @since 0.1.0
 * @category services
 */
export class CacheService extends Context.Tag("effect-cache-toolkit/CacheService")<
  CacheService,
  CacheService.Service
>() {}

/**
 * A value found in the cache, or why there is none: what `Cache-Status` (RFC 9211) tells.
 *
 * @since 0.1.0
 * @category models
 */
export type Lookup<A> =
  | { readonly _tag: "Hit"; readonly value: A; readonly ttl: Duration.Duration }
  | { readonly _tag: "Miss" }
  | { readonly _tag: "Bypass"; readonly reason: string }

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

    /** Adds to the sorted set `leaderboard:global` a best score; false while Redis is away. */
    readonly submitScore: (userId: UserId, score: number) => Effect.Effect<boolean>
    /** The top of `leaderboard:global`, cached under a key of its own for CACHE_LEADERBOARD_TTL. */
    readonly lookupLeaderboard: (page: {
      readonly offset: number
      readonly limit: number
    }) => Effect.Effect<Lookup<ReadonlyArray<LeaderboardRow>>>
    /** Rank from 0 and score; none when absent or while Redis is away. */
    readonly getLeaderboardRank: (userId: UserId) => Effect.Effect<Option.Option<LeaderboardRow>>

    /** Stores any value under any key; without a `ttl` for the default of one hour, never for ever. */
    readonly set: <A, I>(
      key: string,
      schema: Schema.Schema<A, I>,
      value: A,
      ttl?: Duration.DurationInput
    ) => Effect.Effect<boolean>
    readonly get: <A, I>(key: string, schema: Schema.Schema<A, I>) => Effect.Effect<Option.Option<A>>
    readonly del: (key: string) => Effect.Effect<boolean>
    readonly isAvailable: Effect.Effect<boolean>
    readonly getStats: Effect.Effect<CacheStats>
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LeaderboardRow {
  /** from 0 */
  readonly rank: number
  readonly userId: UserId
  readonly score: number
}

/**
 * The guide's four values, and beside them what the caches counted since the start.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheStats {
  readonly available: boolean
  readonly connected: boolean
  readonly onlinePlayers: number
  readonly activeGames: number
  readonly hits: number
  readonly misses: number
  /** stored values that did not decode: each counted as a miss too */
  readonly decodeFailures: number
  /** operations that Redis failed, each answered none, false or 0 */
  readonly failures: number
}
