/**
 * Defines the source of truth, which answers alone while Redis is unavailable.
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
    return `there is no user "${this.userId}"`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export class GameNotFound extends Schema.TaggedError<GameNotFound>()("GameNotFound", { gameId: GameId }) {
  override get message(): string {
    return `there is no game "${this.gameId}"`
  }
}

/**
 * The write came from an earlier holder of the lock. It was rejected and changed nothing. A retry fails too: the
 * current holder has read a newer state.
 *
 * @since 0.1.0
 * @category errors
 */
export class StaleFencingToken extends Schema.TaggedError<StaleFencingToken>()("StaleFencingToken", {
  gameId: GameId,
  fencingToken: FencingToken,
  /** the greatest token that has written the game */
  latest: FencingToken
}) {
  override get message(): string {
    return `a later holder of its lock has written the game: its fencing token ${this.latest} is greater than ${this.fencingToken}`
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
    return `the balance of ${this.balance} does not cover the amount`
  }
}

/**
 * The time between a claim of the daily bonus and the next one.
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
  /** The error of a claim at `now` after a claim at `claimedAt`. */
  static since(userId: UserId, claimedAt: DateTime.Utc, now: DateTime.Utc): DailyBonusAlreadyClaimed {
    const claimable = DateTime.addDuration(claimedAt, dailyBonusInterval)
    return new DailyBonusAlreadyClaimed({ userId, retryAfter: Duration.millis(DateTime.distance(now, claimable)) })
  }
  override get message(): string {
    return "the daily bonus is already claimed"
  }
}

/**
 * The database was unavailable, or rejected the values: a negative balance, a total beyond the safe integers, a name
 * that the schema forbids. The message describes the problem, its remedy where that is known, and never a password.
 *
 * @since 0.1.0
 * @category errors
 */
export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  operation: Schema.String,
  detail: Schema.String,
  /** whether the database rejected the values; a retry would fail too */
  rejected: Schema.optionalWith(Schema.Boolean, { default: () => false })
}) {
  override get message(): string {
    return `the database failed in ${this.operation}: ${this.detail}`
  }
}

/**
 * The best score of a player. `arrival` numbers best scores in the order in which they were reached: of two equal
 * scores, the smaller `arrival` came first.
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
 * The statistics after a game, and the `arrival` of the best score among them, see `BestScore`.
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
    /** Creates a user with a random id, a balance of 0 and no games. */
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
     * Moves an amount in one transaction, and answers both new balances. A transfer to the same user needs the funds
     * too, and changes nothing.
     */
    readonly transfer: (
      from: UserId,
      to: UserId,
      amount: number
    ) => Effect.Effect<{ readonly from: number; readonly to: number }, UserNotFound | InsufficientFunds | DatabaseError>
    readonly getStats: (userId: UserId) => Effect.Effect<UserStats, UserNotFound | DatabaseError>
    /** Records a game with a score that is whole and not negative. */
    readonly recordGame: (
      userId: UserId,
      game: { readonly won: boolean; readonly score: number }
    ) => Effect.Effect<RecordedGame, UserNotFound | DatabaseError>
    /**
     * Adds the bonus unless the last claim is younger than `dailyBonusInterval`, by one conditional UPDATE, and answers
     * the new balance. The error holds the time from `now` to the next possible claim.
     */
    readonly claimDailyBonus: (
      userId: UserId,
      bonus: { readonly amount: number; readonly now: DateTime.Utc }
    ) => Effect.Effect<number, DailyBonusAlreadyClaimed | UserNotFound | DatabaseError>
    /**
     * Users that have played, by best score in descending order, then by arrival. Two transactions at the same moment
     * may share an arrival; these users rank by id, in descending byte order.
     */
    readonly topScores: (page: {
      readonly offset: number
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<BestScore>, DatabaseError>
    /** Rank (from 0) and best score of a user. Fails with `UserNotFound` for a user that has not played, too. */
    readonly rankOf: (
      userId: UserId
    ) => Effect.Effect<{ readonly rank: number; readonly score: number }, UserNotFound | DatabaseError>
    /** Creates a running game at round 0. */
    readonly createGame: (players: ReadonlyArray<UserId>) => Effect.Effect<GameState, DatabaseError>
    readonly getGame: (gameId: GameId) => Effect.Effect<GameState, GameNotFound | DatabaseError>
    /**
     * Updates a game for the holder of its lock, by one conditional UPDATE that stores the greatest fencing token. A
     * holder that was paused while another one wrote gets `StaleFencingToken`. The update may be repeated with the same
     * token.
     */
    readonly updateGame: (
      gameId: GameId,
      updates: Partial<Pick<GameState, "status" | "round">>,
      fencingToken: FencingToken
    ) => Effect.Effect<GameState, StaleFencingToken | GameNotFound | DatabaseError>
    readonly deleteGame: (gameId: GameId) => Effect.Effect<void, GameNotFound | DatabaseError>
    readonly countGames: Effect.Effect<number, DatabaseError>
    /**
     * Checks the health of the database by writing a row. Fails when the disk is full, when the file is deleted,
     * replaced or damaged, or when the server does not answer. A lock of another program is no failure.
     */
    readonly ping: Effect.Effect<void, DatabaseError>
  }
}
