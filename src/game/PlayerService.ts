/**
 * Combines cache and database: cache-aside, write-through, invalidation, warming, rate limiting, a lock.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { LookupCycle } from "../cache/lookup/LoadGraph.js"
import type { LookupOverloaded } from "../cache/lookup/LookupRunner.js"
import type { CacheResult, TypedCache } from "../cache/TypedCache.js"
import * as DistributedLock from "../coordination/DistributedLock.js"
import type { RedisClient } from "../redis/RedisClient.js"
import type { InvalidKey } from "../redis/RedisKey.js"
import * as RedisKey from "../redis/RedisKey.js"
import { CacheService } from "./CacheService.js"
import {
  type DailyBonusAlreadyClaimed,
  Database,
  type DatabaseError,
  type GameNotFound,
  type InsufficientFunds,
  UserNotFound,
  type UsernameTaken
} from "./Database.js"
import type { LeaderboardRow, Page } from "./GlobalLeaderboard.js"
import type { GameId, GameState, UserId, UserProfile, UserStats } from "./Player.js"
import { PlayerCaches } from "./PlayerCaches.js"

export type { LookupOverloaded } from "../cache/lookup/LookupRunner.js"
export type { CacheResult } from "../cache/TypedCache.js"

/**
 * Reads go through the caches, which look up missing values in the database. While Redis is unavailable, every read is
 * a lookup, and too many at once fail with `LookupOverloaded`. Writes leave no old value in the caches of any process.
 *
 * @since 0.1.0
 * @category services
 */
export class PlayerService extends Context.Tag("effect-cache-toolkit/PlayerService")<
  PlayerService,
  PlayerService.Service
>() {}

/**
 * Another transfer of one of the two players is running and did not complete in time.
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
 * The amount is not a positive whole number.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidAmount extends Schema.TaggedError<InvalidAmount>()("InvalidAmount", { amount: Schema.Number }) {
  override get message(): string {
    return `an amount is a positive whole number, not ${this.amount}`
  }
}

/**
 * The errors of a read through a cache, besides a missing row.
 *
 * @since 0.1.0
 * @category errors
 */
export type PlayerError = InvalidKey | LookupOverloaded | DatabaseError

/**
 * The amount of a daily bonus.
 *
 * @since 0.1.0
 * @category constants
 */
export const dailyBonus = 100

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
    /** Reads through the cache (cache-aside). */
    readonly getUserProfile: (userId: UserId) => Effect.Effect<UserProfile, UserNotFound | PlayerError>
    /** Like `getUserProfile`, with the source of the value and the time that it stays fresh. */
    readonly readUserProfile: (userId: UserId) => Effect.Effect<CacheResult<UserProfile>, UserNotFound | PlayerError>
    /** Updates the database, then invalidates. */
    readonly updateUserProfile: (
      userId: UserId,
      updates: Partial<Pick<UserProfile, "username" | "displayName" | "email">>
    ) => Effect.Effect<UserProfile, UserNotFound | InvalidKey | UsernameTaken | DatabaseError>
    readonly getUserBalance: (userId: UserId) => Effect.Effect<number, UserNotFound | PlayerError>
    readonly readUserBalance: (userId: UserId) => Effect.Effect<CacheResult<number>, UserNotFound | PlayerError>
    /** Writes the database first, then the cache (write-through). */
    readonly updateUserBalance: (
      userId: UserId,
      balance: number
    ) => Effect.Effect<number, UserNotFound | InvalidKey | DatabaseError>
    readonly getUserStats: (userId: UserId) => Effect.Effect<UserStats, UserNotFound | PlayerError>
    readonly readUserStats: (userId: UserId) => Effect.Effect<CacheResult<UserStats>, UserNotFound | PlayerError>
    /** Records a game, invalidates the statistics and submits the score to the leaderboard. */
    readonly recordGame: (
      userId: UserId,
      game: { readonly won: boolean; readonly score: number }
    ) => Effect.Effect<UserStats, UserNotFound | InvalidKey | DatabaseError>
    /** Adds the bonus once in 24 hours, as the database decides; answers the new balance. */
    readonly claimDailyBonus: (
      userId: UserId
    ) => Effect.Effect<number, DailyBonusAlreadyClaimed | UserNotFound | InvalidKey | DatabaseError>
    /**
     * Moves a positive whole amount under a lock on both players, and answers both new balances. While Redis is
     * unavailable, the transaction of the database is the only protection.
     */
    readonly transfer: (
      from: UserId,
      to: UserId,
      amount: number
    ) => Effect.Effect<
      { readonly from: number; readonly to: number },
      UserNotFound | InvalidKey | InvalidAmount | InsufficientFunds | TransferBusy | DatabaseError
    >
    /** Loads profile, balance and statistics into the cache, and answers how many of the three it then holds. */
    readonly warmUserCache: (userId: UserId) => Effect.Effect<number, UserNotFound | PlayerError>
    readonly invalidateUser: (userId: UserId) => Effect.Effect<boolean, InvalidKey>
    /**
     * Reads a page from the cache, else from the database, and starts a rebuild of the incomplete board. Fails with
     * `InvalidKey` for an offset or limit that is not a whole number.
     */
    readonly readLeaderboard: (page: Page) => Effect.Effect<CacheResult<ReadonlyArray<LeaderboardRow>>, PlayerError>
    /** Fails with `UserNotFound` for a user that has not played, too. */
    readonly getLeaderboardRank: (userId: UserId) => Effect.Effect<LeaderboardRow, UserNotFound | PlayerError>
    readonly startGame: (players: ReadonlyArray<UserId>) => Effect.Effect<GameState, DatabaseError>
    readonly readGame: (gameId: GameId) => Effect.Effect<CacheResult<GameState>, GameNotFound | PlayerError>
    readonly endGame: (gameId: GameId) => Effect.Effect<void, GameNotFound | InvalidKey | DatabaseError>
  }
}

/** How long players stay locked after the death of the process that locked them, and how long a transfer waits. */
const transferLock = { timeToLive: "10 seconds", maxWait: "2 seconds" } as const

const checked = (id: string): Either.Either<string, InvalidKey> => RedisKey.make("player", id)

/** Runs a write and then the invalidation, even after a failure or interruption: the write may have committed. */
const thenInvalidate =
  (invalidation: Effect.Effect<unknown, InvalidKey>) =>
  <A, E>(write: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.ensuring(write, Effect.ignore(invalidation))

/**
 * Builds the service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<PlayerService.Service, never, CacheService | Database | PlayerCaches | RedisClient> =
  Effect.gen(function* () {
    const cache = yield* CacheService
    const database = yield* Database
    const lock = yield* DistributedLock.make
    const { balances, games, leaderboardPages, profiles, rebuildLeaderboard, stats } = yield* PlayerCaches

    /** The lookups read the database only, so a cycle is a defect of this module. */
    const acyclic = <A, E>(read: Effect.Effect<A, E>) =>
      Effect.catchIf(read, (error): error is Extract<E, LookupCycle> => error instanceof LookupCycle, Effect.die)
    const valueOf = <A, E>(read: Effect.Effect<CacheResult<A>, E>) => Effect.map(read, ({ value }) => value)

    /** Whether the cache holds the value that a lookup has just loaded. */
    const warm = <Key, Value, E>(values: TypedCache<Key, Value, E>, id: Key) =>
      Effect.map(Effect.zipRight(acyclic(values.refresh(id)), values.getOption(id)), Option.isSome)

    const invalidateAll = (userId: UserId) =>
      Effect.all([profiles.invalidate(userId), balances.invalidate(userId), stats.invalidate(userId)], {
        concurrency: "unbounded",
        discard: true
      })

    return PlayerService.of({
      createUser: Effect.fn("PlayerService.createUser")(function* (user) {
        const profile = yield* database.createUser(user)
        // an earlier read may have cached that this id is missing
        yield* Effect.ignore(invalidateAll(profile.id))
        return profile
      }),

      readUserProfile: (id) => acyclic(profiles.getResult(id)),
      getUserProfile: (userId) => acyclic(valueOf(profiles.getResult(userId))),
      updateUserProfile: Effect.fn("PlayerService.updateUserProfile")(function* (userId, updates) {
        yield* checked(userId)
        return yield* thenInvalidate(profiles.invalidate(userId))(database.updateUser(userId, updates))
      }),

      readUserBalance: (id) => acyclic(balances.getResult(id)),
      getUserBalance: (userId) => acyclic(valueOf(balances.getResult(userId))),
      updateUserBalance: Effect.fn("PlayerService.updateUserBalance")((userId, balance) =>
        balances.update(userId, database.updateBalance(userId, balance))
      ),

      readUserStats: (id) => acyclic(stats.getResult(id)),
      getUserStats: (userId) => acyclic(valueOf(stats.getResult(userId))),
      recordGame: Effect.fn("PlayerService.recordGame")(function* (userId, game) {
        yield* checked(userId)
        const recorded = yield* thenInvalidate(stats.invalidate(userId))(database.recordGame(userId, game))
        // the best score of all games: it also repeats a submission that was lost
        yield* cache.submitScore(userId, recorded.stats.bestScore, recorded.arrival)
        return recorded.stats
      }),

      claimDailyBonus: Effect.fn("PlayerService.claimDailyBonus")(function* (userId) {
        const now = yield* DateTime.now
        return yield* balances.update(userId, database.claimDailyBonus(userId, { amount: dailyBonus, now }))
      }),

      transfer: Effect.fn("PlayerService.transfer")(function* (from, to, amount) {
        yield* checked(from)
        yield* checked(to)
        if (!Number.isSafeInteger(amount) || amount <= 0) return yield* new InvalidAmount({ amount })
        // at most once, on either path below
        const transferred = yield* Effect.cached(
          database
            .transfer(from, to, amount)
            .pipe(thenInvalidate(Effect.zip(balances.invalidate(from), balances.invalidate(to), { concurrent: true })))
        )
        return yield* transferred.pipe(
          lock.withLocks([`transfer:${from}`, `transfer:${to}`], transferLock),
          Effect.catchTags({ LockNotAcquired: () => new TransferBusy(), InvalidArgument: Effect.die }),
          // the transaction is the only protection when the lock is unavailable or lost
          Effect.catchTag(
            "LockLost",
            "RedisUnavailable",
            "RedisTimeout",
            "RedisConnectionLost",
            "RedisAuthError",
            "RedisServerError",
            "RedisProtocolError",
            () => transferred
          )
        )
      }),

      warmUserCache: Effect.fn("PlayerService.warmUserCache")(function* (userId) {
        const held = yield* Effect.all([warm(profiles, userId), warm(balances, userId), warm(stats, userId)], {
          concurrency: "unbounded"
        })
        return held.filter(Boolean).length
      }),
      invalidateUser: (userId) => Effect.zipRight(checked(userId), cache.invalidateUser(userId)),

      readLeaderboard: (id) => acyclic(leaderboardPages.getResult(id)),
      getLeaderboardRank: Effect.fn("PlayerService.getLeaderboardRank")(function* (userId) {
        yield* checked(userId)
        const cached = yield* cache.getLeaderboardRank(userId)
        if (Option.isSome(cached)) return cached.value
        // the cache also holds that a player is missing or has not played, which saves the database a count for each
        // read
        const { gamesPlayed } = yield* acyclic(valueOf(stats.getResult(userId)))
        if (gamesPlayed === 0) return yield* new UserNotFound({ userId })
        const { rank, score } = yield* database.rankOf(userId)
        // the database ranks a player that the board lacks: the board is incomplete
        yield* rebuildLeaderboard
        return { rank, userId, score }
      }),

      startGame: Effect.fn("PlayerService.startGame")(function* (players) {
        const game = yield* database.createGame(players)
        yield* cache.setGameState(game.id, game)
        yield* cache.incrementActiveGames
        return game
      }),
      readGame: (id) => acyclic(games.getResult(id)),
      endGame: Effect.fn("PlayerService.endGame")(function* (gameId) {
        yield* checked(gameId)
        yield* thenInvalidate(games.invalidate(gameId))(database.deleteGame(gameId))
        yield* cache.decrementActiveGames
      })
    })
  })

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<PlayerService, never, CacheService | Database | PlayerCaches | RedisClient> =
  Layer.effect(PlayerService, make)
