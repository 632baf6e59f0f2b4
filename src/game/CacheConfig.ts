/**
 * Sets how long each kind of value stays in the cache: the variables `CACHE_*_TTL` for Redis and one for the local
 * tier.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import { maxTimeToLive } from "../redis/RedisCommands.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface CacheConfig {
  /** of `user:profile:<id>` */
  readonly userProfileTtl: Duration.Duration
  /** of `user:balance:<id>` */
  readonly balanceTtl: Duration.Duration
  /** of a cached page of the leaderboard; the sorted set itself does not expire */
  readonly leaderboardTtl: Duration.Duration
  /** of `user:stats:<id>` */
  readonly statsTtl: Duration.Duration
  /** of `game:state:<id>` */
  readonly gameStateTtl: Duration.Duration
  /**
   * the longest time that a value stays in the local tier; zero turns the tier off. An invalidation of another process
   * may be missed for as long.
   */
  readonly localTtl: Duration.Duration
}

/**
 * The defaults: profiles 5 minutes, balances 1 minute, leaderboard pages 30 seconds, statistics 2 minutes, game states
 * 1 hour. The local tier is off.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: CacheConfig = {
  userProfileTtl: Duration.minutes(5),
  balanceTtl: Duration.minutes(1),
  leaderboardTtl: Duration.seconds(30),
  statsTtl: Duration.minutes(2),
  gameStateTtl: Duration.hours(1),
  localTtl: Duration.zero
}

const maxSeconds = Duration.toSeconds(maxTimeToLive)

const seconds = (name: string, fallback: Duration.Duration, min = 1): Config.Config<Duration.Duration> =>
  Config.string(name).pipe(
    Config.mapOrFail((text) => {
      const value = /^[0-9]+$/.test(text.trim()) ? Number(text) : Number.NaN
      return value >= min && value <= maxSeconds
        ? Either.right(Duration.seconds(value))
        : Either.left(
            ConfigError.InvalidData(
              [],
              `expected whole seconds from ${min} to ${maxSeconds}, such as ${Duration.toSeconds(fallback)}, got "${text}"`
            )
          )
    }),
    Config.withDefault(fallback)
  )

/**
 * Reads `CACHE_USER_PROFILE_TTL`, `CACHE_BALANCE_TTL`, `CACHE_LEADERBOARD_TTL`, `CACHE_STATS_TTL`,
 * `CACHE_GAME_STATE_TTL` and `CACHE_LOCAL_TTL`, each in whole seconds. A missing variable has its value of `defaults`,
 * and `CACHE_LOCAL_TTL=0` turns the local tier off. Fails with a `ConfigError` that names the variable and the accepted
 * form.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<CacheConfig> = Config.all({
  userProfileTtl: seconds("CACHE_USER_PROFILE_TTL", defaults.userProfileTtl),
  balanceTtl: seconds("CACHE_BALANCE_TTL", defaults.balanceTtl),
  leaderboardTtl: seconds("CACHE_LEADERBOARD_TTL", defaults.leaderboardTtl),
  statsTtl: seconds("CACHE_STATS_TTL", defaults.statsTtl),
  gameStateTtl: seconds("CACHE_GAME_STATE_TTL", defaults.gameStateTtl),
  localTtl: seconds("CACHE_LOCAL_TTL", defaults.localTtl, 0)
})
