/**
 * One option of one cache that is set at run time, and its text in Redis. What Redis holds is not trusted: a text that does
 * not decode, or whose value the options of a cache would not accept, is no setting.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as CacheOptionCheck from "../cache/CacheOptionCheck.js"
import * as InputValue from "../internal/input/InputValue.js"
import * as KeyOwner from "../redis/KeyOwner.js"

/**
 * The options of a cache that are settable at run time. One that is absent stays as it is.
 *
 * @since 0.2.0
 * @category models
 */
export interface Values {
  /**
   * How long new values are fresh, in the place of the option or its function, and jittered like it. A value that the function
   * says not to store, by a zero, is not stored. Zero here: nothing is stored. Values that are stored keep their time.
   */
  readonly timeToLive?: Duration.DurationInput | undefined
  readonly outage?: {
    /** the most concurrent lookups while Redis is away or the cache is off, at least 1 */
    readonly maxLookups?: number | undefined
  }
  /**
   * `false` switches the cache off: reads run the lookup, nothing is read from or written to a tier, and writes still
   * invalidate. When it is on again, everything from before is invalid.
   */
  readonly enabled?: boolean | undefined
}

/** The longest that makes sense for a person's name in a line of a log. */
const longestOperator = 100
const longestName = 512

const Common = {
  cache: Schema.String.pipe(
    Schema.maxLength(longestName),
    Schema.filter((name) => KeyOwner.nameProblem(name) === undefined)
  ),
  by: Schema.NonEmptyString.pipe(Schema.maxLength(longestOperator), Schema.pattern(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u)),
  at: Schema.NonNegative,
  until: Schema.optional(Schema.NonNegative)
}

const SettingSchema = Schema.Union(
  Schema.Struct({ ...Common, option: Schema.Literal("timeToLive"), value: Schema.Number }),
  Schema.Struct({ ...Common, option: Schema.Literal("outage.maxLookups"), value: Schema.Number }),
  Schema.Struct({ ...Common, option: Schema.Literal("enabled"), value: Schema.Boolean })
)

/**
 * An option of a cache that is set at run time. A time to live is in milliseconds. `by` is the name that the operator gave;
 * `at` and `until` are times of the server, in milliseconds since 1970.
 *
 * @since 0.2.0
 * @category models
 */
export type Setting = typeof SettingSchema.Type

/**
 * @since 0.2.0
 * @category models
 */
export type Option = Setting["option"]

/**
 * @since 0.2.0
 * @category constants
 */
export const options: ReadonlyArray<Option> = ["timeToLive", "outage.maxLookups", "enabled"]

/**
 * A setting that was not made, and why.
 *
 * @since 0.2.0
 * @category errors
 */
export class InvalidSetting extends Schema.TaggedError<InvalidSetting>()("InvalidSetting", {
  cache: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `the cache ${JSON.stringify(this.cache)} was not changed: ${this.problem}`
  }
}

/** The operator of a setting, and its times. */
type Origin = Pick<Setting, "at" | "by" | "until">

/** The field of an option in the hash of all settings. */
export const fieldOf = ({ cache, option }: { readonly cache: string; readonly option: Option }): string =>
  `cache:${cache}:${option}`

const checked = Schema.decodeUnknownEither(SettingSchema)

const problemOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/**
 * The settings of some values. The values are accepted by the checks of the options that they change.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  cache: string,
  { enabled, outage = {}, timeToLive }: Values,
  origin: Origin
): Either.Either<ReadonlyArray<Setting>, InvalidSetting> => {
  const reject = (problem: string) => Either.left(new InvalidSetting({ cache: cache.slice(0, longestName), problem }))
  const { maxLookups } = outage
  try {
    CacheOptionCheck.check({ name: cache, timeToLive: timeToLive ?? 0, outage: { maxLookups } })
  } catch (thrown) {
    return reject(problemOf(thrown))
  }
  const common = { cache, ...origin }
  const made = [
    ...(timeToLive === undefined
      ? []
      : [
          // JSON has no infinity, and every time is shortened to what servers keep
          { ...common, option: "timeToLive", value: Math.min(InputValue.millisOf(timeToLive), Number.MAX_SAFE_INTEGER) }
        ]),
    ...(maxLookups === undefined ? [] : [{ ...common, option: "outage.maxLookups", value: maxLookups }]),
    ...(enabled === undefined ? [] : [{ ...common, option: "enabled", value: enabled }])
  ]
  if (made.length === 0) return reject("none of timeToLive, outage.maxLookups and enabled is given")
  return Either.mapLeft(
    Either.all(made.map((setting) => checked(setting))),
    () =>
      new InvalidSetting({
        cache: cache.slice(0, longestName),
        problem:
          `a cache's name has at most ${longestName} characters, and no braces or quotation marks; an operator's name has from 1 ` +
          `to ${longestOperator} characters, and no control characters`
      })
  )
}

const TextOfSetting = Schema.parseJson(SettingSchema)
const decodeText = Schema.decodeUnknownEither(TextOfSetting)

/** The text of a setting in Redis. */
export const encode: (setting: Setting) => string = Schema.encodeSync(TextOfSetting)

/** The setting of a text in Redis, or why it is none. The reason holds nothing of a text that does not decode. */
export const decode = (text: string): Either.Either<Setting, string> =>
  Either.flatMap(
    Either.mapLeft(decodeText(text), () => "it is no setting of this version"),
    (setting) => Either.mapBoth(check(setting), { onLeft: ({ problem }) => problem, onRight: () => setting })
  )

const valuesOf = (setting: Setting): Values => {
  switch (setting.option) {
    case "timeToLive":
      return { timeToLive: setting.value }
    case "outage.maxLookups":
      return { outage: { maxLookups: setting.value } }
    case "enabled":
      return { enabled: setting.value }
  }
}

const check = (setting: Setting) => make(setting.cache, valuesOf(setting), setting)

/** The value as a person reads it. */
export const valueText = (setting: Setting): string => {
  if (setting.option === "enabled") return setting.value ? "on" : "off"
  return setting.option === "timeToLive" ? Duration.format(Duration.millis(setting.value)) : String(setting.value)
}
