/**
 * Defines the caches of the game and the lookup of each. `CacheService` reads them without the lookup, `PlayerService`
 * with it.
 *
 * @since 0.1.0
 */
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { CacheStats } from "../cache/observe/CacheStats.js"
import * as FailureLog from "../cache/observe/FailureLog.js"
import * as TypedCache from "../cache/TypedCache.js"
import type { RedisClient } from "../redis/RedisClient.js"
import * as BestEffort from "./BestEffort.js"
import * as CacheConfig from "./CacheConfig.js"
import { Database, type DatabaseError, GameNotFound, UserNotFound } from "./Database.js"
import * as GlobalLeaderboard from "./GlobalLeaderboard.js"
import { Balance, GameId, GameState, UserId, UserProfile, UserStats } from "./Player.js"
import type { Owner } from "./RawKeys.js"

/**
 * @since 0.1.0
 * @category services
 */
export class PlayerCaches extends Context.Tag("effect-cache-toolkit/PlayerCaches")<
  PlayerCaches,
  PlayerCaches.Service
>() {}

/** The errors of a read from each cache, besides a missing row. */
type PlayerReadError = DatabaseError | TypedCache.EngineError

/**
 * @since 0.1.0
 */
export declare namespace PlayerCaches {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** `user:profile:<id>` */
    readonly profiles: TypedCache.TypedCache<UserId, UserProfile, UserNotFound | PlayerReadError>
    /** `user:balance:<id>` */
    readonly balances: TypedCache.TypedCache<UserId, number, UserNotFound | PlayerReadError>
    /** `user:stats:<id>` */
    readonly stats: TypedCache.TypedCache<UserId, UserStats, UserNotFound | PlayerReadError>
    /** `game:state:<id>` */
    readonly games: TypedCache.TypedCache<GameId, GameState, GameNotFound | PlayerReadError>
    /**
     * `leaderboard:global:top:<offset>%3A<limit>`, looked up on the board. While the board is incomplete, the lookup
     * reads the database and starts a rebuild in the background.
     */
    readonly leaderboardPages: TypedCache.TypedCache<
      GlobalLeaderboard.Page,
      ReadonlyArray<GlobalLeaderboard.LeaderboardRow>,
      PlayerReadError
    >
    /** `leaderboard:global`, the sorted set itself */
    readonly leaderboard: GlobalLeaderboard.GlobalLeaderboard
    /** Builds the board in the background. */
    readonly rebuildLeaderboard: Effect.Effect<void>
    /** all caches, as owners of their keys and of their counts */
    readonly all: ReadonlyArray<Owner & { readonly stats: Effect.Effect<CacheStats> }>
    /** runs commands beside the caches, with the same log of failures */
    readonly attempts: BestEffort.BestEffort
  }
}

/** The capacity of each local tier when CACHE_LOCAL_TTL is set. */
const localCapacity = 10_000

const PageKey = Schema.String.pipe(
  Schema.compose(Schema.TemplateLiteralParser(Schema.NumberFromString, ":", Schema.NumberFromString)),
  Schema.transform(Schema.Struct({ offset: Schema.NonNegativeInt, limit: Schema.NonNegativeInt }), {
    strict: true,
    decode: ([offset, , limit]) => ({ offset, limit }),
    encode: ({ limit, offset }) => [offset, ":", limit] as const
  })
)

const LeaderboardRows = Schema.Array(
  Schema.Struct({ rank: Schema.NonNegativeInt, userId: UserId, score: Schema.Finite })
)

const outcomes: Record<TypedCache.CacheResult<unknown>["source"], string> = {
  Local: "HIT",
  Redis: "HIT",
  Stale: "HIT",
  Lookup: "MISS",
  Degraded: "BYPASS"
}

/** Logs the reads of a cache at debug level. */
const logged = <Key, Value, E>(
  cache: TypedCache.TypedCache<Key, Value, E>,
  key: Schema.Schema<Key, string>
): TypedCache.TypedCache<Key, Value, E> => {
  const text = Schema.encodeSync(key)
  const tell = (id: Key, outcome: string) =>
    // the text is made only where it is written: every read comes here
    Effect.flatMap(FiberRef.get(FiberRef.currentMinimumLogLevel), (level) =>
      LogLevel.lessThanEqual(level, LogLevel.Debug)
        ? Effect.logDebug(`cache ${outcome}: ${cache.name}:${text(id)}`)
        : Effect.void
    )
  return {
    ...cache,
    getResult: (id) => Effect.tap(cache.getResult(id), ({ source }) => tell(id, outcomes[source])),
    getOption: (id) =>
      Effect.tap(cache.getOption(id), (served) =>
        tell(id, Option.isSome(served) ? outcomes[served.value.source] : "MISS")
      )
  }
}

const owner = <Key, Value, E>(cache: TypedCache.TypedCache<Key, Value, E>, key: Schema.Schema<Key, string>) => {
  const decode = Schema.decode(key)
  return {
    name: cache.name,
    invalidate: (id: string) =>
      decode(id).pipe(
        Effect.flatMap(cache.invalidate),
        Effect.catchTags({ ParseError: () => Effect.succeed(false), InvalidKey: () => Effect.succeed(false) })
      ),
    clear: cache.clear,
    stats: cache.stats
  }
}

/**
 * Builds the caches with the given times to live. They end with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  config: CacheConfig.CacheConfig
): Effect.Effect<PlayerCaches.Service, never, Database | RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* Database
    const failureLog = yield* FailureLog.make
    const attempts = yield* BestEffort.make(failureLog)
    const leaderboard = yield* GlobalLeaderboard.make(attempts)
    const rebuildLeaderboard = yield* GlobalLeaderboard.makeRebuild(leaderboard, attempts)

    const lookUpPage = (page: GlobalLeaderboard.Page) =>
      Effect.flatMap(
        leaderboard.top(page),
        Option.match({
          onSome: Effect.succeed,
          onNone: () =>
            Effect.zipLeft(
              Effect.map(database.topScores(page), (rows) =>
                rows.map(({ score, userId }, index) => ({ rank: page.offset + index, userId, score }))
              ),
              rebuildLeaderboard
            )
        })
      )

    const common = {
      // stored values expire after exactly the configured times
      jitter: 0,
      local: { capacity: localCapacity, timeToLive: config.localTtl },
      failureLog
    }
    const profiles = yield* TypedCache.make({
      ...common,
      name: "user:profile",
      key: UserId,
      value: UserProfile,
      timeToLive: config.userProfileTtl,
      negative: { error: UserNotFound },
      lookup: database.getUser
    })
    const balances = yield* TypedCache.make({
      ...common,
      name: "user:balance",
      key: UserId,
      value: Balance,
      timeToLive: config.balanceTtl,
      negative: { error: UserNotFound },
      lookup: database.getBalance
    })
    const stats = yield* TypedCache.make({
      ...common,
      name: "user:stats",
      key: UserId,
      value: UserStats,
      timeToLive: config.statsTtl,
      negative: { error: UserNotFound },
      lookup: database.getStats
    })
    const games = yield* TypedCache.make({
      ...common,
      name: "game:state",
      key: GameId,
      value: GameState,
      timeToLive: config.gameStateTtl,
      negative: { error: GameNotFound },
      lookup: database.getGame
    })
    const leaderboardPages = yield* TypedCache.make({
      ...common,
      name: `${GlobalLeaderboard.boardKey}:top`,
      key: PageKey,
      value: LeaderboardRows,
      timeToLive: config.leaderboardTtl,
      lookup: lookUpPage
    })

    return PlayerCaches.of({
      profiles: logged(profiles, UserId),
      balances: logged(balances, UserId),
      stats: logged(stats, UserId),
      games: logged(games, GameId),
      leaderboardPages: logged(leaderboardPages, PageKey),
      leaderboard,
      rebuildLeaderboard,
      all: [
        owner(profiles, UserId),
        owner(balances, UserId),
        owner(stats, UserId),
        owner(games, GameId),
        owner(leaderboardPages, PageKey)
      ],
      attempts
    })
  })

/**
 * Provides the caches with the default times to live.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<PlayerCaches, never, Database | RedisClient> = Layer.scoped(
  PlayerCaches,
  make(CacheConfig.defaults)
)

/**
 * Provides the caches with the times to live of the variables `CACHE_*_TTL`. Fails with a `ConfigError` that names the
 * variable and the accepted form.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<PlayerCaches, ConfigError.ConfigError, Database | RedisClient> = Layer.scoped(
  PlayerCaches,
  Effect.flatMap(CacheConfig.config, make)
)
