/**
 * One option of one cache, or one number of one limit, that is set at run time.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as RateLimit from "../coordination/limit/RateLimit.js"
import * as KeyOwner from "../redis/KeyOwner.js"

/** The longest that makes sense for a person's name in a line of a log. */
const longestOperator = 100
const longestName = 512

const Origin = {
  by: Schema.NonEmptyString.pipe(Schema.maxLength(longestOperator), Schema.pattern(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u)),
  at: Schema.NonNegative,
  until: Schema.optional(Schema.NonNegative)
}

const OfCache = {
  cache: Schema.String.pipe(
    Schema.maxLength(longestName),
    Schema.filter((name) => KeyOwner.nameProblem(name) === undefined)
  ),
  ...Origin
}

const OfLimit = {
  limit: Schema.String.pipe(Schema.maxLength(longestName), Schema.filter(RateLimit.isName)),
  ...Origin
}

const CacheSetting = Schema.Union(
  Schema.Struct({ ...OfCache, option: Schema.Literal("timeToLive"), value: Schema.Number }),
  Schema.Struct({ ...OfCache, option: Schema.Literal("staleFor"), value: Schema.Number }),
  Schema.Struct({ ...OfCache, option: Schema.Literal("outage.maxLookups"), value: Schema.Number }),
  Schema.Struct({ ...OfCache, option: Schema.Literal("enabled"), value: Schema.Boolean })
)

const LimitSetting = Schema.Struct({
  ...OfLimit,
  option: Schema.Literal("limit", "window", "burst"),
  value: Schema.Number
})

/**
 * What a text in Redis decodes to. Whether the value can be right is for `SettingText` to say.
 *
 * @since 0.2.0
 * @category schemas
 */
export const SettingSchema = Schema.Union(CacheSetting, LimitSetting)

/**
 * An option of a cache that is set at run time. Times to live and to be stale are in milliseconds. `by` is the name that the operator gave;
 * `at` and `until` are times of the server, in milliseconds since 1970.
 *
 * @since 0.2.0
 * @category models
 */
export type CacheSetting = typeof CacheSetting.Type

/**
 * A number of the limits of a name that is set at run time. A window is in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export type LimitSetting = typeof LimitSetting.Type

/**
 * @since 0.2.0
 * @category models
 */
export type Setting = CacheSetting | LimitSetting

/**
 * What a setting changes: a cache, or the limits of a name.
 *
 * @since 0.2.0
 * @category models
 */
export interface Target {
  readonly kind: "cache" | "limit"
  readonly name: string
}

/**
 * @since 0.2.0
 * @category models
 */
export type CacheOption = CacheSetting["option"]

/**
 * @since 0.2.0
 * @category models
 */
export type LimitOption = LimitSetting["option"]

/**
 * The options that are settable.
 *
 * @since 0.2.0
 * @category constants
 */
export const options: {
  readonly cache: ReadonlyArray<CacheOption>
  readonly limit: ReadonlyArray<LimitOption>
} = { cache: ["timeToLive", "staleFor", "outage.maxLookups", "enabled"], limit: ["limit", "window", "burst"] }

/**
 * A setting that was not made, and why.
 *
 * @since 0.2.0
 * @category errors
 */
export class InvalidSetting extends Schema.TaggedError<InvalidSetting>()("InvalidSetting", {
  kind: Schema.Literal("cache", "limit"),
  /** of the cache or the limit */
  name: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `the ${this.kind} ${JSON.stringify(this.name)} was not changed: ${this.problem}`
  }
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const invalid = ({ kind, name }: Target, problem: string): InvalidSetting =>
  new InvalidSetting({ kind, name: name.slice(0, longestName), problem })

/**
 * The text of what a check of options has thrown.
 *
 * @since 0.2.0
 * @category utils
 */
export const problemOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** The operator of a setting, and its times. */
export type Origin = Pick<Setting, "at" | "by" | "until">

const allowedName = {
  cache: "a cache's name has no braces or quotation marks",
  limit: `a limit's name is ${RateLimit.allowedName}`
} as const

/**
 * Checks the names and times of settings whose values the options accept.
 *
 * @since 0.2.0
 * @category validation
 */
export const checkAll = (
  target: Target,
  made: ReadonlyArray<Setting>
): Either.Either<ReadonlyArray<Setting>, InvalidSetting> =>
  Either.mapLeft(Either.all(made.map((setting) => checked(setting))), () =>
    invalid(
      target,
      `${allowedName[target.kind]}, and has at most ${longestName} characters; an operator's name has from 1 to ` +
        `${longestOperator} characters, and no control characters`
    )
  )

const checked = Schema.validateEither(SettingSchema)

/**
 * @since 0.2.0
 * @category getters
 */
export const targetOf = (setting: Setting): Target =>
  "cache" in setting ? { kind: "cache", name: setting.cache } : { kind: "limit", name: setting.limit }

/** The field of an option in the hash of all settings. An option holds no colon, so that no two fields are one. */
export const field = ({ kind, name }: Target, option: string): string => `${kind}:${name}:${option}`

/** The field of a setting in the hash of all settings. */
export const fieldOf = (setting: Setting): string => field(targetOf(setting), setting.option)

const durations: ReadonlySet<string> = new Set<CacheOption | LimitOption>(["timeToLive", "staleFor", "window"])

/** The value as a person reads it. */
export const valueText = (setting: Setting): string => {
  if (setting.option === "enabled") return setting.value ? "on" : "off"
  return durations.has(setting.option) ? Duration.format(Duration.millis(setting.value)) : String(setting.value)
}
