/**
 * The patterns of a cache beside a database: cache-aside, write-through, invalidation, warming, rate limiting, a lock.
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
 * Reads go through the caches: the database is asked when they do not have the value, and while Redis is away, where too
 * many at once are refused with `LookupOverloaded`. Writes leave no old value in the caches of any process.
 *
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
 * An amount that cannot be moved.
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
 * What a read through a cache can fail with, besides there being nothing to read.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = InvalidKey | LookupOverloaded | DatabaseError

/**
 * What a daily bonus adds to the balance.
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
    /** Cache-aside. */
    readonly getUserProfile: (userId: UserId) => Effect.Effect<UserProfile, UserNotFound | ReadError>
    /** As `getUserProfile`, with where the value came from and how long it stays fresh. */
    readonly readUserProfile: (userId: UserId) => Effect.Effect<CacheResult<UserProfile>, UserNotFound | ReadError>
    /** Updates the database, then invalidates. */
    readonly updateUserProfile: (
      userId: UserId,
      updates: Partial<Pick<UserProfile, "username" | "displayName" | "email">>
    ) => Effect.Effect<UserProfile, UserNotFound | InvalidKey | UsernameTaken | DatabaseError>
    readonly getUserBalance: (userId: UserId) => Effect.Effect<number, UserNotFound | ReadError>
    readonly readUserBalance: (userId: UserId) => Effect.Effect<CacheResult<number>, UserNotFound | ReadError>
    /** Write-through: the database first, then the cache. */
    readonly updateUserBalance: (
      userId: UserId,
      balance: number
    ) => Effect.Effect<number, UserNotFound | InvalidKey | DatabaseError>
    readonly getUserStats: (userId: UserId) => Effect.Effect<UserStats, UserNotFound | ReadError>
    readonly readUserStats: (userId: UserId) => Effect.Effect<CacheResult<UserStats>, UserNotFound | ReadError>
    /** Records a game, invalidates the statistics and enters the score into the leaderboard. */
    readonly recordGame: (
      userId: UserId,
      game: { readonly won: boolean; readonly score: number }
    ) => Effect.Effect<UserStats, UserNotFound | InvalidKey | DatabaseError>
    /** Once in 24 hours, decided by the database; answers the new balance. */
    readonly claimDailyBonus: (
      userId: UserId
    ) => Effect.Effect<number, DailyBonusAlreadyClaimed | UserNotFound | InvalidKey | DatabaseError>
    /**
     * Moves a positive whole amount under a lock on both players and answers both new balances. While Redis is away the
     * database's transaction protects it alone.
     */
    readonly transfer: (
      from: UserId,
      to: UserId,
      amount: number
    ) => Effect.Effect<
      { readonly from: number; readonly to: number },
      UserNotFound | InvalidKey | InvalidAmount | InsufficientFunds | TransferBusy | DatabaseError
    >
    /** Loads profile, balance and statistics, whatever the cache holds; says how many of the three it then holds. */
    readonly warmUserCache: (userId: UserId) => Effect.Effect<number, UserNotFound | ReadError>
    readonly invalidateUser: (userId: UserId) => Effect.Effect<boolean, InvalidKey>
    /**
     * From the cache, else from the database, after which the cache's leaderboard is built again in the background.
     * `InvalidKey` for an offset or limit that is no whole number.
     */
    readonly readLeaderboard: (page: Page) => Effect.Effect<CacheResult<ReadonlyArray<LeaderboardRow>>, ReadError>
    /** `UserNotFound` also for a user that has not played. */
    readonly getLeaderboardRank: (userId: UserId) => Effect.Effect<LeaderboardRow, UserNotFound | ReadError>
    readonly startGame: (players: ReadonlyArray<UserId>) => Effect.Effect<GameState, DatabaseError>
    readonly readGame: (gameId: GameId) => Effect.Effect<CacheResult<GameState>, GameNotFound | ReadError>
    readonly endGame: (gameId: GameId) => Effect.Effect<void, GameNotFound | InvalidKey | DatabaseError>
  }
}

/** How long the players of a process that died stay locked, and how long a transfer waits for others. */
const transferLock = { timeToLive: "10 seconds", maxWait: "2 seconds" } as const

const checked = (id: string): Either.Either<string, InvalidKey> => RedisKey.make("player", id)

/** Runs a write and then the invalidation, however the write ended: one that failed or was interrupted may have committed. */
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

    /** The lookups read the database and no cache: a cycle would be a mistake of this module. */
    const acyclic = <A, E>(read: Effect.Effect<A, E>) =>
      Effect.catchIf(read, (error): error is Extract<E, LookupCycle> => error instanceof LookupCycle, Effect.die)
    const valueOf = <A, E>(read: Effect.Effect<CacheResult<A>, E>) => Effect.map(read, ({ value }) => value)

    /** Whether the cache holds the value that was just looked up for it. */
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
        // somebody may have asked for the id before, and that there is none is cached too
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
        // the best of all games and not of this one: it makes good a submission that was lost
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
        // at most once, whichever way it is reached below
        const transferred = yield* Effect.cached(
          database
            .transfer(from, to, amount)
            .pipe(thenInvalidate(Effect.zip(balances.invalidate(from), balances.invalidate(to), { concurrent: true })))
        )
        return yield* transferred.pipe(
          lock.withLocks([`transfer:${from}`, `transfer:${to}`], transferLock),
          Effect.catchTags({ LockNotAcquired: () => new TransferBusy(), InvalidArgument: Effect.die }),
          // the transaction protects it alone, where the lock does not or no longer does
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
        // the cache knows users that have not played, and ids of nobody: ranking them would cost the database a count each time
        const { gamesPlayed } = yield* acyclic(valueOf(stats.getResult(userId)))
        if (gamesPlayed === 0) return yield* new UserNotFound({ userId })
        const { rank, score } = yield* database.rankOf(userId)
        // the database knows a player that the cache does not: its leaderboard is incomplete
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
