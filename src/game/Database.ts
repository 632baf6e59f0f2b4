/**
 * The source of truth, and what the application falls back to while Redis is away.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { FencingToken } from "../coordination/DistributedLock.js"
import { GameId, type GameState, UserId, type UserProfile, type UserStats } from "./Player.js"

/**
 * @since 0.1.0
 * @category errors
 */
export class UserNotFound extends Schema.TaggedError<UserNotFound>()("UserNotFound", { userId: UserId }) {
  override get message(): string {
    return "there is no such user"
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export class GameNotFound extends Schema.TaggedError<GameNotFound>()("GameNotFound", { gameId: GameId }) {
  override get message(): string {
    return "there is no such game"
  }
}

/**
 * A write came from a holder of a lock that is not the latest one. It was rejected, and nothing has changed. Repeating it is
 * useless: the present holder of the lock continues from what it reads.
 *
 * @since 0.1.0
 * @category errors
 */
export class StaleFencingToken extends Schema.TaggedError<StaleFencingToken>()("StaleFencingToken", {
  gameId: GameId,
  fencingToken: FencingToken,
  /** the greatest one that the game was written with */
  latest: FencingToken
}) {
  override get message(): string {
    return `a later holder of its lock has written the game (${this.latest} is greater than ${this.fencingToken})`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export class UsernameTaken extends Schema.TaggedError<UsernameTaken>()("UsernameTaken", { username: Schema.String }) {
  override get message(): string {
    return `the user name "${this.username}" is taken`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export class InsufficientFunds extends Schema.TaggedError<InsufficientFunds>()("InsufficientFunds", {
  userId: UserId,
  balance: Schema.Int
}) {
  override get message(): string {
    return `the balance of ${this.balance} does not cover it`
  }
}

/**
 * How long after a claim the daily bonus may be claimed again.
 *
 * @since 0.1.0
 * @category constants
 */
export const dailyBonusInterval: Duration.Duration = Duration.days(1)

/**
 * @since 0.1.0
 * @category errors
 */
export class DailyBonusAlreadyClaimed extends Schema.TaggedError<DailyBonusAlreadyClaimed>()(
  "DailyBonusAlreadyClaimed",
  { userId: UserId, retryAfter: Schema.DurationFromMillis }
) {
  /** The failure at `now` of a user whose last claim was at `claimedAt`. */
  static since(userId: UserId, claimedAt: DateTime.Utc, now: DateTime.Utc): DailyBonusAlreadyClaimed {
    const claimable = DateTime.addDuration(claimedAt, dailyBonusInterval)
    return new DailyBonusAlreadyClaimed({ userId, retryAfter: Duration.millis(DateTime.distance(now, claimable)) })
  }
  override get message(): string {
    return "the daily bonus is already claimed"
  }
}

/**
 * The database could not be reached, or refused what it was asked: a negative balance, a total beyond the safe integers,
 * a name that the schema forbids. Its message says what happened, where it can what to do, and never holds a password.
 *
 * @since 0.1.0
 * @category errors
 */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  operation: Schema.String,
  detail: Schema.String,
  /** whether it was refused, and would be again: nothing is wrong with the database */
  refused: Schema.optionalWith(Schema.Boolean, { default: () => false })
}) {
  override get message(): string {
    return `the database failed in ${this.operation}: ${this.detail}`
  }
}

/**
 * A player's best score. Best scores are numbered in the order in which they were reached, so that of equal ones the
 * smaller `arrival` came first.
 *
 * @since 0.1.0
 * @category models
 */
export interface BestScore {
  readonly userId: UserId
  readonly score: number
  readonly arrival: number
}

/**
 * The statistics after a game, and the number of the best score among them, see `BestScore`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordedGame {
  readonly stats: UserStats
  readonly arrival: number
}

/**
 * @since 0.1.0
 * @category services
 */
export class Database extends Context.Tag("effect-cache-toolkit/Database")<Database, Database.Service>() {}

/**
 * @since 0.1.0
 */
export declare namespace Database {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** A new user has a random id, a balance of 0 and has not played. */
    readonly createUser: (
      user: Pick<UserProfile, "username" | "displayName" | "email">
    ) => Effect.Effect<UserProfile, UsernameTaken | DatabaseError>
    readonly getUser: (userId: UserId) => Effect.Effect<UserProfile, UserNotFound | DatabaseError>
    readonly updateUser: (
      userId: UserId,
      updates: Partial<Pick<UserProfile, "username" | "displayName" | "email">>
    ) => Effect.Effect<UserProfile, UserNotFound | UsernameTaken | DatabaseError>
    readonly getBalance: (userId: UserId) => Effect.Effect<number, UserNotFound | DatabaseError>
    /** Sets the balance and answers it. */
    readonly updateBalance: (userId: UserId, balance: number) => Effect.Effect<number, UserNotFound | DatabaseError>
    /**
     * Moves an amount in one transaction and answers both new balances. A transfer to oneself needs the funds too and
     * changes nothing.
     */
    readonly transfer: (
      from: UserId,
      to: UserId,
      amount: number
    ) => Effect.Effect<{ readonly from: number; readonly to: number }, UserNotFound | InsufficientFunds | DatabaseError>
    readonly getStats: (userId: UserId) => Effect.Effect<UserStats, UserNotFound | DatabaseError>
    /** Counts a game, whose score is whole and not negative. */
    readonly recordGame: (
      userId: UserId,
      game: { readonly won: boolean; readonly score: number }
    ) => Effect.Effect<RecordedGame, UserNotFound | DatabaseError>
    /**
     * Adds the bonus if the last one was claimed at least `dailyBonusInterval` before `now`, by one conditional UPDATE,
     * and answers the new balance. The failure says how long after `now` the next claim can succeed.
     */
    readonly claimDailyBonus: (
      userId: UserId,
      bonus: { readonly amount: number; readonly now: DateTime.Utc }
    ) => Effect.Effect<number, DailyBonusAlreadyClaimed | UserNotFound | DatabaseError>
    /**
     * Users that have played, by best score, highest first; equal scores in the order in which they were reached. Scores reached at the same
     * moment in two transactions may share a number: these rank by user id, in descending byte order.
     */
    readonly topScores: (page: {
      readonly offset: number
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<BestScore>, DatabaseError>
    /** Rank from 0 and best score of one user; `UserNotFound` also for a user that has not played. */
    readonly rankOf: (
      userId: UserId
    ) => Effect.Effect<{ readonly rank: number; readonly score: number }, UserNotFound | DatabaseError>
    /** A new game runs at round 0. */
    readonly createGame: (players: ReadonlyArray<UserId>) => Effect.Effect<GameState, DatabaseError>
    readonly getGame: (gameId: GameId) => Effect.Effect<GameState, GameNotFound | DatabaseError>
    /**
     * Changes a game as the holder of its lock, by one conditional UPDATE that remembers the greatest fencing token: a
     * holder who was paused while another one wrote is refused with `StaleFencingToken`, whatever it believes about its
     * lock. May be repeated with the same token, as often as the holder writes.
     */
    readonly updateGame: (
      gameId: GameId,
      updates: Partial<Pick<GameState, "status" | "round">>,
      fencingToken: FencingToken
    ) => Effect.Effect<GameState, StaleFencingToken | GameNotFound | DatabaseError>
    readonly deleteGame: (gameId: GameId) => Effect.Effect<void, GameNotFound | DatabaseError>
    readonly countGames: Effect.Effect<number, DatabaseError>
    /**
     * The health check: writes a row, and fails when that cannot be done, because the disk is full, the file was deleted,
     * replaced or damaged, or the server does not answer. A lock that another program holds is no failure.
     */
    readonly ping: Effect.Effect<void, DatabaseError>
  }
}
