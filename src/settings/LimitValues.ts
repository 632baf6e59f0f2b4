/**
 * The numbers of a limit that are settable at run time, and how they become settings.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import type * as LimitOverrides from "../coordination/limit/LimitOverrides.js"
import * as OptionCheck from "../internal/input/OptionCheck.js"
import * as ArgumentCheck from "../redis/ArgumentCheck.js"
import * as Setting from "./Setting.js"

/**
 * The numbers of the limits of a name. One that is absent stays as it is.
 *
 * @since 0.2.0
 * @category models
 */
export interface LimitValues {
  /** how much is allowed in a window, or flows into a bucket in that time: at least 0, of a token bucket at least 1. Default: unchanged */
  readonly limit?: number | undefined
  /** the time in which so much is allowed, rounded up to whole milliseconds: default unchanged */
  readonly window?: Duration.DurationInput | undefined
  /**
   * The size of a token bucket; no other limit has one. Default: unchanged, and a bucket whose burst is its limit keeps it so
   */
  readonly burst?: number | undefined
}

/**
 * The settings of some numbers. Each is accepted alone. Whether a limit accepts them together depends on its algorithm, and on
 * the numbers that it was built with.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  limit: string,
  given: LimitValues,
  origin: Setting.Origin
): Either.Either<ReadonlyArray<Setting.Setting>, Setting.InvalidSetting> => {
  const target: Setting.Target = { kind: "limit", name: limit }
  const common = { limit, ...origin }
  const made: Array<Setting.Setting> = []
  const check = OptionCheck.make("RateLimiter")
  try {
    check.wholeNumber("limit", given.limit, { least: 0 })
    check.wholeNumber("burst", given.burst, { least: 0 })
    if (given.limit !== undefined) made.push({ ...common, option: "limit", value: given.limit })
    if (given.window !== undefined) {
      const value = ArgumentCheck.optionMillis(check, "window", given.window)
      made.push({ ...common, option: "window", value })
    }
    if (given.burst !== undefined) made.push({ ...common, option: "burst", value: given.burst })
  } catch (thrown) {
    return Either.left(Setting.invalid(target, Setting.problemOf(thrown)))
  }
  return made.length === 0
    ? Either.left(Setting.invalid(target, "none of limit, window and burst is given"))
    : Setting.checkAll(target, made)
}

/** The value of a setting. */
export const of = ({ option, value }: Setting.LimitSetting): LimitValues => ({ [option]: value })

/**
 * The numbers of settings of one limit.
 *
 * @since 0.2.0
 * @category conversions
 */
export const numbersOf = (settings: ReadonlyArray<Setting.Setting>): LimitOverrides.LimitNumbers => {
  const valueOf = (option: Setting.LimitOption) => {
    const found = settings.find((setting) => setting.option === option)
    return typeof found?.value === "number" ? found.value : undefined
  }
  return { limit: valueOf("limit"), windowMillis: valueOf("window"), burst: valueOf("burst") }
}
