/**
 * The options of a cache that are settable at run time, and how they become settings.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as CacheOptionCheck from "../cache/CacheOptionCheck.js"
import * as InputValue from "../internal/input/InputValue.js"
import * as Setting from "./Setting.js"

/**
 * The options of a cache that are settable at run time. One that is absent stays as it is.
 *
 * @since 0.2.0
 * @category models
 */
export interface Values {
  /**
   * How long new values are fresh, in the place of the option or its function, and jittered like it. A value that the function
   * says not to store, by a zero, is not stored. Zero here: nothing is stored. Values that are stored keep their time. Default:
   * unchanged
   */
  readonly timeToLive?: Duration.DurationInput | undefined
  /**
   * How long a value is served past its time to live while it is refreshed. A shorter time holds at once. A longer one is that of
   * values that are stored from now on: Redis deletes others when it would have without the setting. Default: unchanged
   */
  readonly staleFor?: Duration.DurationInput | undefined
  /** the behaviour while Redis is away: default unchanged */
  readonly outage?: {
    /** the most concurrent lookups while Redis is away or the cache is off, at least 1: default unchanged */
    readonly maxLookups?: number | undefined
  }
  /**
   * `false` switches the cache off: reads run the lookup, nothing is read from or written to a tier, and writes still
   * invalidate. When it is on again, everything from before is invalid. Default: unchanged
   */
  readonly enabled?: boolean | undefined
}

/** JSON has no infinity, and every time is shortened to what servers keep. */
const finiteMillis = (duration: Duration.DurationInput): number =>
  Math.min(InputValue.millisOf(duration), Number.MAX_SAFE_INTEGER)

/**
 * The settings of some values. The values are accepted by the checks of the options that they change.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  cache: string,
  { enabled, outage = {}, staleFor, timeToLive }: Values,
  origin: Setting.Origin
): Either.Either<ReadonlyArray<Setting.Setting>, Setting.InvalidSetting> => {
  const target: Setting.Target = { kind: "cache", name: cache }
  const { maxLookups } = outage
  try {
    CacheOptionCheck.check({ name: cache, timeToLive: timeToLive ?? 0, staleFor, outage: { maxLookups } })
  } catch (thrown) {
    return Either.left(Setting.invalid(target, Setting.problemOf(thrown)))
  }
  const common = { cache, ...origin }
  const made: Array<Setting.Setting> = []
  if (timeToLive !== undefined) made.push({ ...common, option: "timeToLive", value: finiteMillis(timeToLive) })
  if (staleFor !== undefined) made.push({ ...common, option: "staleFor", value: finiteMillis(staleFor) })
  if (maxLookups !== undefined) made.push({ ...common, option: "outage.maxLookups", value: maxLookups })
  if (enabled !== undefined) made.push({ ...common, option: "enabled", value: enabled })
  return made.length === 0
    ? Either.left(Setting.invalid(target, "none of timeToLive, staleFor, outage.maxLookups and enabled is given"))
    : Setting.checkAll(target, made)
}

/** The values of a setting. */
export const of = (setting: Setting.CacheSetting): Values => {
  switch (setting.option) {
    case "timeToLive":
      return { timeToLive: setting.value }
    case "staleFor":
      return { staleFor: setting.value }
    case "outage.maxLookups":
      return { outage: { maxLookups: setting.value } }
    case "enabled":
      return { enabled: setting.value }
  }
}
