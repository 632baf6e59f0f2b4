/**
 * The guide's patterns over cache and database: cache-aside, write-through, invalidation, warming, rate limiting, a lock.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as DistributedLock from "../coordination/DistributedLock.js"
import type { RedisClient } from "../redis/RedisClient.js"
import type { InvalidKey } from "../redis/RedisKey.js"
import * as RedisKey from "../redis/RedisKey.js"
import type { Read } from "./CacheAside.js"
import * as CacheAside from "./CacheAside.js"
import { CacheService } from "./CacheService.js"
import {
  type DailyBonusAlreadyClaimed,
  Database,
  type DatabaseError,
  type GameNotFound,
  type InsufficientFunds,
  type UserNotFound,
  type UsernameTaken
} from "./Database.js"
import type { BestScore, LeaderboardRow, Page } from "./GlobalLeaderboard.js"
import type { GameId, GameState, UserId, UserProfile, UserStats } from "./Player.js"

export type { Read } from "./CacheAside.js"

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
    /** Loads profile, balance and statistics into the cache; says how many were stored. */
    readonly warmUserCache: (userId: UserId) => Effect.Effect<number, UserNotFound | InvalidKey | DatabaseError>
    readonly invalidateUser: (userId: UserId) => Effect.Effect<boolean, InvalidKey>
    /** From the cache, else from the database, after which the cache's leaderboard is built again in the background. */
    readonly readLeaderboard: (page: Page) => Effect.Effect<Read<ReadonlyArray<LeaderboardRow>>, DatabaseError>
    readonly getLeaderboardRank: (
      userId: UserId
    ) => Effect.Effect<LeaderboardRow, UserNotFound | InvalidKey | DatabaseError>
    readonly startGame: (players: ReadonlyArray<UserId>) => Effect.Effect<GameState, DatabaseError>
    readonly readGame: (gameId: GameId) => Effect.Effect<Read<GameState>, GameNotFound | InvalidKey | DatabaseError>
    readonly endGame: (gameId: GameId) => Effect.Effect<void, GameNotFound | InvalidKey | DatabaseError>
  }
}

/** Longer than a transfer takes; a transfer that takes longer still is one transaction. */
const transferLock = { ttl: "10 seconds", waitFor: "2 seconds" } as const

/** Scores read from the database at a time while the leaderboard is built. */
const rebuildPage = 500

const checked = (id: string): Either.Either<string, InvalidKey> => RedisKey.make("player", id)

/**
 * Builds the service. Building the leaderboard in the background ends with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<PlayerService.Service, never, CacheService | Database | RedisClient | Scope.Scope> =
  Effect.gen(function* () {
    const cache = yield* CacheService
    const database = yield* Database
    const lock = yield* DistributedLock.make
    const scope = yield* Effect.scope

    const profiles = yield* CacheAside.make({
      lookup: cache.lookupUserProfile,
      load: database.getUser,
      store: cache.setUserProfile,
      remove: cache.invalidateUserProfile
    })
    const balances = yield* CacheAside.make({
      lookup: cache.lookupUserBalance,
      load: database.getBalance,
      store: cache.setUserBalance,
      remove: cache.invalidateUserBalance
    })
    const stats = yield* CacheAside.make({
      lookup: cache.lookupUserStats,
      load: database.getStats,
      store: cache.setUserStats,
      remove: cache.invalidateUserStats
    })
    const games = yield* CacheAside.make({
      lookup: cache.lookupGameState,
      load: database.getGame,
      store: cache.setGameState,
      remove: cache.invalidateGameState
    })

    const bestScores: Stream.Stream<BestScore, DatabaseError> = Stream.paginateChunkEffect(0, (offset) =>
      Effect.map(database.topScores({ offset, limit: rebuildPage }), (rows) => [
        Chunk.fromIterable(rows),
        rows.length < rebuildPage ? Option.none() : Option.some(offset + rebuildPage)
      ])
    )
    const oneRebuild = yield* Effect.makeSemaphore(1)
    const rebuildLeaderboard = cache.rebuildLeaderboard(bestScores).pipe(
      Effect.catchTag("DatabaseError", (error) =>
        Effect.logWarning(`the cached leaderboard was not built: ${error.message}`)
      ),
      oneRebuild.withPermitsIfAvailable(1),
      Effect.forkIn(scope)
    )

    const readUserProfile = (userId: UserId) => Effect.zipRight(checked(userId), profiles.read(userId))
    const readUserBalance = (userId: UserId) => Effect.zipRight(checked(userId), balances.read(userId))
    const readUserStats = (userId: UserId) => Effect.zipRight(checked(userId), stats.read(userId))

    const invalidateUser = (userId: UserId) =>
      Effect.map(
        Effect.all([profiles.invalidate(userId), balances.invalidate(userId), stats.invalidate(userId)], {
          concurrency: "unbounded"
        }),
        (done) => done.every(Boolean)
      )

    const topOfDatabase = (page: Page) =>
      Effect.map(database.topScores(page), (rows) =>
        rows.map(({ score, userId }, index): LeaderboardRow => ({ rank: page.offset + index, userId, score }))
      )

    return PlayerService.of({
      createUser: database.createUser,

      readUserProfile,
      getUserProfile: (userId) => Effect.map(readUserProfile(userId), ({ value }) => value),
      updateUserProfile: Effect.fn("PlayerService.updateUserProfile")(function* (userId, updates) {
        yield* checked(userId)
        return yield* profiles.invalidateAfter(userId, database.updateUser(userId, updates))
      }),

      readUserBalance,
      getUserBalance: (userId) => Effect.map(readUserBalance(userId), ({ value }) => value),
      updateUserBalance: Effect.fn("PlayerService.updateUserBalance")(function* (userId, balance) {
        yield* checked(userId)
        return yield* balances.writeThrough(userId, database.updateBalance(userId, balance))
      }),

      readUserStats,
      getUserStats: (userId) => Effect.map(readUserStats(userId), ({ value }) => value),
      recordGame: Effect.fn("PlayerService.recordGame")(function* (userId, game) {
        yield* checked(userId)
        const recorded = yield* stats.invalidateAfter(userId, database.recordGame(userId, game))
        // the best of all games and not of this one: it makes good a submission that was lost
        yield* cache.submitScore(userId, recorded.bestScore)
        return recorded
      }),

      claimDailyBonus: Effect.fn("PlayerService.claimDailyBonus")(function* (userId) {
        yield* checked(userId)
        const now = yield* DateTime.now
        return yield* balances.writeThrough(userId, database.claimDailyBonus(userId, { amount: dailyBonus, now }))
      }),

      transfer: Effect.fn("PlayerService.transfer")(function* (from, to, amount) {
        yield* checked(from)
        yield* checked(to)
        if (!Number.isSafeInteger(amount) || amount <= 0) return yield* new InvalidAmount({ amount })
        // at most once, whichever way it is reached below
        const transferred = yield* Effect.cached(
          balances.invalidateAfter(from, balances.invalidateAfter(to, database.transfer(from, to, amount)))
        )
        // everybody locks the lower id first: two transfers in opposite directions cannot wait for each other
        const [first, second] = from < to ? [from, to] : [to, from]
        const lockSecond = first === second ? <A>(self: A) => self : lock.withLock(`transfer:${second}`, transferLock)
        return yield* transferred.pipe(
          lockSecond,
          lock.withLock(`transfer:${first}`, transferLock),
          Effect.catchTags({ LockNotAcquired: () => new TransferBusy() }),
          Effect.catchTag(
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
        yield* checked(userId)
        const stored = yield* Effect.all([profiles.warm(userId), balances.warm(userId), stats.warm(userId)], {
          concurrency: "unbounded"
        })
        return stored.filter(Boolean).length
      }),
      invalidateUser: (userId) => Effect.zipRight(checked(userId), invalidateUser(userId)),

      readLeaderboard: Effect.fn("PlayerService.readLeaderboard")(function* (page) {
        const source = yield* cache.lookupLeaderboard(page)
        if (source._tag === "Hit") return { value: source.value, source }
        const value = yield* topOfDatabase(page)
        if (source._tag === "Miss") {
          yield* cache.setLeaderboard(page, value)
          yield* rebuildLeaderboard
        }
        return { value, source }
      }),
      getLeaderboardRank: Effect.fn("PlayerService.getLeaderboardRank")(function* (userId) {
        yield* checked(userId)
        const cached = yield* cache.getLeaderboardRank(userId)
        if (Option.isSome(cached)) return cached.value
        const { rank, score } = yield* database.rankOf(userId)
        // the database knows a player whom the cache does not: its leaderboard is not whole
        if (yield* cache.isAvailable) yield* rebuildLeaderboard
        return { rank, userId, score }
      }),

      startGame: Effect.fn("PlayerService.startGame")(function* (players) {
        const game = yield* database.createGame(players)
        yield* cache.setGameState(game.id, game)
        yield* cache.incrementActiveGames
        return game
      }),
      readGame: (gameId) => Effect.zipRight(checked(gameId), games.read(gameId)),
      endGame: Effect.fn("PlayerService.endGame")(function* (gameId) {
        yield* checked(gameId)
        yield* games.invalidateAfter(gameId, database.deleteGame(gameId))
        yield* cache.decrementActiveGames
      })
    })
  })

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<PlayerService, never, CacheService | Database | RedisClient> = Layer.scoped(
  PlayerService,
  make
)
