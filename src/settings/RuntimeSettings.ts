/**
 * Changes options of caches and numbers of limits while they run, in all processes: the time to live, how long a value is
 * served stale, the number of lookups during an outage, whether the cache is used at all, and how much a limit allows. docs/runtime-settings.md says what is promised.
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
import * as LimitOverrides from "../coordination/limit/LimitOverrides.js"
import * as InputValue from "../internal/input/InputValue.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as AppliedSettings from "./AppliedSettings.js"
import * as CacheValues from "./CacheValues.js"
import * as LimitValues from "./LimitValues.js"
import * as Setting from "./Setting.js"
import * as SettingStore from "./SettingStore.js"
import * as SettingWatch from "./SettingWatch.js"

export type {
  /**
   * @since 0.2.0
   * @category models
   */
  Values
} from "./CacheValues.js"
export type {
  /**
   * @since 0.2.0
   * @category models
   */
  LimitValues
} from "./LimitValues.js"
export {
  /**
   * @since 0.2.0
   * @category models
   */
  type CacheOption,
  /**
   * @since 0.2.0
   * @category models
   */
  type CacheSetting,
  /**
   * @since 0.2.0
   * @category errors
   */
  InvalidSetting,
  /**
   * @since 0.2.0
   * @category models
   */
  type LimitOption,
  /**
   * @since 0.2.0
   * @category models
   */
  type LimitSetting,
  /**
   * @since 0.2.0
   * @category models
   */
  type Setting
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
 * Values of caches and limits by their names.
 *
 * @since 0.2.0
 * @category models
 */
export interface ValuesByName {
  readonly caches?: Readonly<Record<string, CacheValues.Values>> | undefined
  readonly limits?: Readonly<Record<string, LimitValues.LimitValues>> | undefined
}

/**
 * Applies the settings in Redis to the caches and limits of this process, whenever they are built. It reads them when it is built, and
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
 * Applies settings of the program's own to the caches and limits of this process: each element replaces the one before. A setting of an
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
  changes: Stream.Stream<ValuesByName, E, R>
): Layer.Layer<never, never, RedisClient | R> =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const redis = yield* RedisClient
      const origin = { at: 0, by: "the program" }
      const apply = ({ caches = {}, limits = {} }: ValuesByName) =>
        Effect.gen(function* () {
          const settings = new Map<string, Setting.Setting>()
          for (const made of [
            ...Object.entries(caches).map(([cache, values]) => CacheValues.make(cache, values, origin)),
            ...Object.entries(limits).map(([limit, values]) => LimitValues.make(limit, values, origin))
          ]) {
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

const cacheConfig: Config.Config<CacheValues.Values> = Config.map(
  Config.all({
    timeToLive: Config.option(Config.duration("timeToLive")),
    staleFor: Config.option(Config.duration("staleFor")),
    enabled: Config.option(Config.boolean("enabled")),
    maxLookups: Config.option(Config.nested(Config.integer("maxLookups"), "outage"))
  }),
  ({ enabled, maxLookups, staleFor, timeToLive }) => ({
    timeToLive: Option.getOrUndefined(timeToLive),
    staleFor: Option.getOrUndefined(staleFor),
    enabled: Option.getOrUndefined(enabled),
    outage: { maxLookups: Option.getOrUndefined(maxLookups) }
  })
)

const limitConfig: Config.Config<LimitValues.LimitValues> = Config.map(
  Config.all({
    limit: Config.option(Config.integer("limit")),
    window: Config.option(Config.duration("window")),
    burst: Config.option(Config.integer("burst"))
  }),
  ({ burst, limit, window }) => ({
    limit: Option.getOrUndefined(limit),
    window: Option.getOrUndefined(window),
    burst: Option.getOrUndefined(burst)
  })
)

const byName = <A>(config: Config.Config<A>, path: string): Config.Config<Readonly<Record<string, A>>> =>
  Config.map(Config.hashMap(config, path), (values) => Object.fromEntries(HashMap.entries(values)))

/**
 * Values of a `ConfigProvider`, as in `caches.user.timeToLive`, `.staleFor`, `.enabled` and `.outage.maxLookups`,
 * `limits.mails.limit`, `.window` and `.burst`.
 *
 * @since 0.2.0
 * @category config
 */
export const config: Config.Config<ValuesByName> = Config.all({
  caches: byName(cacheConfig, "caches"),
  limits: byName(limitConfig, "limits")
})

/** When a setting that is made now ends: by the server's clock, which is known once it has answered. */
const untilOf = (target: Setting.Target, now: number, given: Duration.DurationInput | undefined) => {
  if (given === undefined) return Either.right(undefined)
  const millis = InputValue.millisOf(given)
  if (millis === Number.POSITIVE_INFINITY) return Either.right(undefined)
  return millis > 0
    ? Either.right(now + millis)
    : Either.left(Setting.invalid(target, `\`for\` is ${InputValue.shown(given)}; it must be more than 0`))
}

type Made = Either.Either<ReadonlyArray<Setting.Setting>, Setting.InvalidSetting>

/** Makes settings: first for a check before a command is sent, since what cannot be right fails also while Redis is away. */
const change = (
  target: Setting.Target,
  make: (origin: Setting.Origin) => Made,
  { by, for: duration, stored = true }: ChangeOptions
): Effect.Effect<ReadonlyArray<Setting.Setting>, Setting.InvalidSetting | RedisError, RedisClient> =>
  Effect.gen(function* () {
    const redis = yield* RedisClient
    yield* make({ by, at: 0 })
    yield* untilOf(target, 0, duration)
    yield* SettingStore.read(redis)
    const at = Math.ceil(yield* redis.serverTime)
    const until = yield* untilOf(target, at, duration)
    const settings = yield* make({ by, at, ...(until === undefined ? {} : { until }) })
    yield* stored ? SettingStore.store(redis, settings) : SettingStore.announce(redis, settings)
    return settings
  })

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
  values: CacheValues.Values,
  options: ChangeOptions
): Effect.Effect<ReadonlyArray<Setting.Setting>, Setting.InvalidSetting | RedisError, RedisClient> =>
  change({ kind: "cache", name: cache }, (origin) => CacheValues.make(cache, values, origin), options)

/**
 * Sets numbers of every limit of `RateLimiter` with this name, for all processes with `layer`, within half a minute of each and mostly
 * at once. Calls that begin afterwards count by them, and continue with what was counted. Returns the settings.
 *
 * Fails with `InvalidSetting` for a number that no limit would accept, or that a limit of this name in this process would not,
 * and changes nothing then; with a `RedisError` where Redis has not taken it. May be repeated. A process whose limit does not
 * accept the numbers leaves that limit as it was built, and logs why.
 *
 * @since 0.2.0
 * @category execution
 * @example
 * import { RuntimeSettings } from "effect-cache-toolkit"
 *
 * // the mail server is slow: half as many mails, until tomorrow
 * const slower = RuntimeSettings.setLimit("mails", { limit: 50, window: "1 second" }, { by: "ada", for: "1 day" })
 */
export const setLimit = (
  limit: string,
  values: LimitValues.LimitValues,
  options: ChangeOptions
): Effect.Effect<ReadonlyArray<Setting.Setting>, Setting.InvalidSetting | RedisError, RedisClient> =>
  Effect.flatMap(RedisClient, (redis) => {
    const target: Setting.Target = { kind: "limit", name: limit }
    const make = (origin: Setting.Origin): Made =>
      Either.flatMap(LimitValues.make(limit, values, origin), (settings) =>
        Either.try({
          try: () => {
            LimitOverrides.of(redis).check(limit, LimitValues.numbersOf(settings))
            return settings
          },
          catch: (thrown) => Setting.invalid(target, Setting.problemOf(thrown))
        })
      )
    return change(target, make, options)
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
    options = Setting.options.cache
  }: {
    /** the name of the operator, for the log */
    readonly by: string
    /** the settings to remove: default all */
    readonly options?: ReadonlyArray<Setting.CacheOption> | undefined
  }
): Effect.Effect<void, RedisError, RedisClient> =>
  Effect.flatMap(RedisClient, (redis) => SettingStore.remove(redis, { kind: "cache", name: cache }, options, by))

/**
 * Removes numbers of the limits of a name, by default all of them, also those that are not stored. The numbers that each limit was
 * built with hold again. Fails with a `RedisError` where Redis has not taken it. May be repeated.
 *
 * @since 0.2.0
 * @category execution
 */
export const unsetLimit = (
  limit: string,
  {
    by,
    options = Setting.options.limit
  }: {
    /** the name of the operator, for the log */
    readonly by: string
    /** the numbers to remove: default all */
    readonly options?: ReadonlyArray<Setting.LimitOption> | undefined
  }
): Effect.Effect<void, RedisError, RedisClient> =>
  Effect.flatMap(RedisClient, (redis) => SettingStore.remove(redis, { kind: "limit", name: limit }, options, by))

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
 * The settings that this process applies now, from every source.
 *
 * @since 0.2.0
 * @category getters
 */
export const applied: Effect.Effect<ReadonlyArray<Setting.Setting>, never, RedisClient> = Effect.map(
  RedisClient,
  AppliedSettings.current
)
