/**
 * The guide's patterns over cache and database: cache-aside, write-through, invalidation, warming, rate limiting, a lock.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { InvalidKey } from "../redis/RedisKey.js"
import type { LeaderboardRow, Lookup } from "./CacheService.js"
import type {
  DailyBonusAlreadyClaimed,
  DatabaseError,
  GameNotFound,
  InsufficientFunds,
  UserNotFound,
  UsernameTaken
} from "./Database.js"
import type { GameId, GameState, UserId, UserProfile, UserStats } from "./Player.js"

/**
 * @since 0.1.0
 * @category services
 */
export class PlayerService extends Context.Tag("effect-cache-toolkit/PlayerService")<
  PlayerService,
  PlayerService.Service
>() {}

/**
 * Another transfer of one of the two players is under way and did not end in time.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransferBusy extends Schema.TaggedError<TransferBusy>()("TransferBusy", {}) {
  override get message(): string {
    return "another transfer of one of these players is under way: try again"
  }
}

/**
 * A value and where it came from: the cache's answer, after which the database was asked unless it was a hit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Read<A> {
  readonly value: A
  readonly source: Lookup<A>
}

/**
 * @since 0.1.0
 */
export declare namespace PlayerService {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    readonly createUser: (
      user: Pick<UserProfile, "username" | "displayName" | "email">
    ) => Effect.Effect<UserProfile, UsernameTaken | DatabaseError>
    /** Cache-aside. */
    readonly getUserProfile: (userId: UserId) => Effect.Effect<UserProfile, UserNotFound | InvalidKey | DatabaseError>
    readonly readUserProfile: (
      userId: UserId
    ) => Effect.Effect<Read<UserProfile>, UserNotFound | InvalidKey | DatabaseError>
    /** Updates the database, then invalidates. */
    readonly updateUserProfile: (
      userId: UserId,
      updates: Partial<Pick<UserProfile, "username" | "displayName" | "email">>
    ) => Effect.Effect<UserProfile, UserNotFound | InvalidKey | UsernameTaken | DatabaseError>
    readonly getUserBalance: (userId: UserId) => Effect.Effect<number, UserNotFound | InvalidKey | DatabaseError>
    readonly readUserBalance: (userId: UserId) => Effect.Effect<Read<number>, UserNotFound | InvalidKey | DatabaseError>
    /** Write-through: the database first, then the cache. */
    readonly updateUserBalance: (
      userId: UserId,
      balance: number
    ) => Effect.Effect<number, UserNotFound | InvalidKey | DatabaseError>
    readonly getUserStats: (userId: UserId) => Effect.Effect<UserStats, UserNotFound | InvalidKey | DatabaseError>
    readonly readUserStats: (
      userId: UserId
    ) => Effect.Effect<Read<UserStats>, UserNotFound | InvalidKey | DatabaseError>
    /** Records a game, invalidates the statistics and enters the score into the leaderboard. */
    readonly recordGame: (
      userId: UserId,
      game: { readonly won: boolean; readonly score: number }
    ) => Effect.Effect<UserStats, UserNotFound | InvalidKey | DatabaseError>
    /** Once in 24 hours, decided by the database; answers the new balance. */
    readonly claimDailyBonus: (
      userId: UserId
    ) => Effect.Effect<number, DailyBonusAlreadyClaimed | UserNotFound | InvalidKey | DatabaseError>
    /** Moves an amount under a lock on both players and answers both new balances. */
    readonly transfer: (
      from: UserId,
      to: UserId,
      amount: number
    ) => Effect.Effect<
      { readonly from: number; readonly to: number },
      UserNotFound | InvalidKey | InsufficientFunds | TransferBusy | DatabaseError
    >
    /** Loads profile, balance and statistics into the cache; says how many were stored. */
    readonly warmUserCache: (userId: UserId) => Effect.Effect<number, UserNotFound | InvalidKey | DatabaseError>
    readonly invalidateUser: (userId: UserId) => Effect.Effect<boolean, InvalidKey>
    readonly readLeaderboard: (page: {
      readonly offset: number
      readonly limit: number
    }) => Effect.Effect<Read<ReadonlyArray<LeaderboardRow>>, DatabaseError>
    readonly getLeaderboardRank: (
      userId: UserId
    ) => Effect.Effect<LeaderboardRow, UserNotFound | InvalidKey | DatabaseError>
    readonly startGame: (players: ReadonlyArray<UserId>) => Effect.Effect<GameState, DatabaseError>
    readonly readGame: (gameId: GameId) => Effect.Effect<Read<GameState>, GameNotFound | InvalidKey | DatabaseError>
    readonly endGame: (gameId: GameId) => Effect.Effect<void, GameNotFound | InvalidKey | DatabaseError>
  }
}
