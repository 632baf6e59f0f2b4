/**
 * Changes options of caches while they run, in all processes: the time to live, the number of lookups during an outage, and
 * whether the cache is used at all. docs/runtime-settings.md says what is promised.
 *
 * @since 0.2.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as InputValue from "../internal/input/InputValue.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as AppliedSettings from "./AppliedSettings.js"
import * as Setting from "./Setting.js"
import * as SettingStore from "./SettingStore.js"
import * as SettingWatch from "./SettingWatch.js"

export {
  /**
   * @since 0.2.0
   * @category errors
   */
  InvalidSetting,
  /**
   * @since 0.2.0
   * @category models
   */
  type Option,
  /**
   * @since 0.2.0
   * @category models
   */
  type Setting,
  /**
   * @since 0.2.0
   * @category models
   */
  type Values
} from "./Setting.js"

/**
 * The operator of a change, and how long it lasts.
 *
 * @since 0.2.0
 * @category models
 */
export interface ChangeOptions {
  /** the name of the operator, for the log: 1 to 100 characters */
  readonly by: string
  /** the time after which the setting ends: default when it is removed */
  readonly for?: Duration.DurationInput | undefined
  /**
   * `true` (default) keeps the setting in Redis. With `false` it is published only: processes that listen now apply it until it
   * ends, is removed, or they restart.
   */
  readonly stored?: boolean | undefined
}

/**
 * Values by the name of their cache.
 *
 * @since 0.2.0
 * @category models
 */
export type ValuesByCache = Readonly<Record<string, Values>>

type Values = Setting.Values

/**
 * Applies the settings in Redis to the caches of this process, whenever they are built. It reads them when it is built, and
 * never fails: while Redis is away the last known settings stay. Without this layer a process listens to no setting.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { RedisClient, RuntimeSettings } from "effect-cache-toolkit"
 * import * as Layer from "effect/Layer"
 *
 * // Layer<RedisClient, E>
 * const withSettings = <E>(client: Layer.Layer<RedisClient.RedisClient, E>) =>
 *   RuntimeSettings.layer.pipe(Layer.provideMerge(client))
 */
export const layer: Layer.Layer<never, never, RedisClient> = Layer.scopedDiscard(
  Effect.flatMap(RedisClient, SettingWatch.make)
)

/**
 * Applies settings of the program's own to the caches of this process: each element replaces the one before. A setting of an
 * operator is stronger. A value that an option would not accept is logged, and the others are applied. When the stream fails,
 * that is logged, and the last settings stay.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { RuntimeSettings } from "effect-cache-toolkit"
 * import * as Schedule from "effect/Schedule"
 * import * as Stream from "effect/Stream"
 *
 * const fromConfig = RuntimeSettings.fromStream(
 *   Stream.repeatEffectWithSchedule(RuntimeSettings.config, Schedule.spaced("30 seconds"))
 * )
 */
export const fromStream = <E, R>(
  changes: Stream.Stream<ValuesByCache, E, R>
): Layer.Layer<never, never, RedisClient | R> =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const apply = (byCache: ValuesByCache) =>
        Effect.gen(function* () {
          const settings = new Map<string, Setting.Setting>()
          for (const [cache, values] of Object.entries(byCache)) {
            const made = Setting.make(cache, values, { at: 0, by: "the program" })
            if (Either.isLeft(made)) yield* Effect.logWarning(`setting rejected, of the program: ${made.left.message}`)
            else for (const setting of made.right) settings.set(Setting.fieldOf(setting), setting)
          }
          yield* AppliedSettings.replace(redis, "Program", settings)
        })
      yield* Stream.runForEach(changes, apply).pipe(
        Effect.catchAllCause((cause) =>
          Effect.logWarning("the settings of the program stay, since their stream failed", cause)
        ),
        Effect.forkScoped
      )
    })
  )

/**
 * Values of a `ConfigProvider`, as in `caches.user.timeToLive`, `caches.user.enabled` and `caches.user.outage.maxLookups`.
 *
 * @since 0.2.0
 * @category config
 */
export const config: Config.Config<ValuesByCache> = Config.hashMap(
  Config.all({
    timeToLive: Config.option(Config.duration("timeToLive")),
    enabled: Config.option(Config.boolean("enabled")),
    maxLookups: Config.option(Config.nested(Config.integer("maxLookups"), "outage"))
  }),
  "caches"
).pipe(
  Config.map((byCache) =>
    Object.fromEntries(
      Array.from(HashMap.entries(byCache), ([cache, { enabled, maxLookups, timeToLive }]) => [
        cache,
        {
          timeToLive: Option.getOrUndefined(timeToLive),
          enabled: Option.getOrUndefined(enabled),
          outage: { maxLookups: Option.getOrUndefined(maxLookups) }
        }
      ])
    )
  )
)

/** When a setting that is made now ends: by the server's clock, which is known once it has answered. */
const untilOf = (cache: string, now: number, given: Duration.DurationInput | undefined) => {
  if (given === undefined) return Either.right(undefined)
  const millis = InputValue.millisOf(given)
  if (millis === Number.POSITIVE_INFINITY) return Either.right(undefined)
  return millis > 0
    ? Either.right(now + millis)
    : Either.left(
        new Setting.InvalidSetting({ cache, problem: `\`for\` is ${InputValue.shown(given)}; it must be more than 0` })
      )
}

/**
 * Sets options of a cache for all processes with `layer`, within half a minute of each and mostly at once. Returns the settings.
 *
 * Fails with `InvalidSetting` for a value that the option would not accept, and changes nothing then; with a `RedisError` where
 * Redis has not taken it. May be repeated. A cache that no process has may be set too.
 *
 * @since 0.2.0
 * @category execution
 * @example
 * import { RuntimeSettings } from "effect-cache-toolkit"
 *
 * // while the database is being repaired: fewer reads of it, for an hour
 * const calmer = RuntimeSettings.set("user", { timeToLive: "1 hour" }, { by: "ada", for: "1 hour" })
 */
export const set = (
  cache: string,
  values: Values,
  { by, for: duration, stored = true }: ChangeOptions
): Effect.Effect<ReadonlyArray<Setting.Setting>, Setting.InvalidSetting | RedisError, RedisClient> =>
  Effect.gen(function* () {
    const redis = yield* RedisClient
    // before a command is sent: what cannot be right fails also while Redis is away
    yield* Setting.make(cache, values, { by, at: 0 })
    yield* untilOf(cache, 0, duration)
    yield* SettingStore.read(redis)
    const at = Math.ceil(yield* redis.serverTime)
    const until = yield* untilOf(cache, at, duration)
    const settings = yield* Setting.make(cache, values, { by, at, ...(until === undefined ? {} : { until }) })
    yield* stored ? SettingStore.store(redis, settings) : SettingStore.announce(redis, settings)
    return settings
  })

/**
 * Removes settings of a cache, by default all of them, also those that are not stored. The options that the cache was built
 * with hold again. Fails with a `RedisError` where Redis has not taken it. May be repeated.
 *
 * @since 0.2.0
 * @category execution
 */
export const unset = (
  cache: string,
  {
    by,
    options = Setting.options
  }: { readonly by: string; readonly options?: ReadonlyArray<Setting.Option> | undefined }
): Effect.Effect<void, RedisError, RedisClient> =>
  Effect.flatMap(RedisClient, (redis) => SettingStore.remove(redis, cache, options, by))

/**
 * The settings that Redis holds and that have not ended. May be repeated.
 *
 * @since 0.2.0
 * @category getters
 */
export const list: Effect.Effect<ReadonlyArray<Setting.Setting>, RedisError, RedisClient> = Effect.gen(function* () {
  const redis = yield* RedisClient
  const { settings } = yield* SettingStore.read(redis)
  const stored = Array.from(settings.values(), ({ setting }) => setting)
  return Array.from(AppliedSettings.unended(stored, yield* redis.serverTime).settings.values())
})

/**
 * The settings that this process applies to its caches now, from every source.
 *
 * @since 0.2.0
 * @category getters
 */
export const applied: Effect.Effect<ReadonlyArray<Setting.Setting>, never, RedisClient> = Effect.map(
  RedisClient,
  AppliedSettings.current
)
