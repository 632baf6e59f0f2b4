/**
 * The text of a setting in Redis. What Redis holds is not trusted: a text that does not decode, or whose value the options of
 * a cache or the numbers of a limit would not accept, is no setting.
 *
 * @since 0.2.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Untrusted from "../internal/schema/Untrusted.js"
import * as CacheValues from "./CacheValues.js"
import * as LimitValues from "./LimitValues.js"
import * as Setting from "./Setting.js"

const TextOfSetting = Schema.parseJson(Setting.SettingSchema)
const decodeText = Untrusted.decodeEither(TextOfSetting)

/** The text of a setting in Redis. */
export const encode: (setting: Setting.Setting) => string = Schema.encodeSync(TextOfSetting)

/** The setting of a text in Redis, or why it is none. The reason holds nothing of a text that does not decode. */
export const decode = (text: string): Either.Either<Setting.Setting, string> =>
  Either.flatMap(
    Either.mapLeft(decodeText(text), () => "it is no setting of this version"),
    (setting) => Either.mapBoth(check(setting), { onLeft: ({ problem }) => problem, onRight: () => setting })
  )

const check = (setting: Setting.Setting) =>
  "cache" in setting
    ? CacheValues.make(setting.cache, CacheValues.of(setting), setting)
    : LimitValues.make(setting.limit, LimitValues.of(setting), setting)
