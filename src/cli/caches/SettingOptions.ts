/**
 * The options that the subcommands of `settings` share, and how settings are shown.
 *
 * @internal
 */
import { userInfo } from "node:os"
import * as Options from "@effect/cli/Options"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import type * as RuntimeSettings from "../../settings/RuntimeSettings.js"
import * as Setting from "../../settings/Setting.js"
import { type CommandFailed, ofRedis, usage } from "../frame/CommandFailed.js"
import * as Confirmation from "../frame/Confirmation.js"
import * as Connection from "../frame/Connection.js"
import * as Screen from "../frame/Screen.js"
import * as Time from "../frame/Time.js"

/** The name of the system's user. There is none where the container's user is no user of the system. */
const userName = (): string => {
  try {
    return userInfo().username
  } catch {
    return "unknown"
  }
}

export const by = Options.text("by").pipe(
  Options.withDefault(userName()),
  Options.withDescription("Your name, for the log of every process: default that of the system's user.")
)

/** The options of a command that sets something. */
export const ofChange = {
  duration: Options.text("for").pipe(
    Options.optional,
    Options.withDescription("End the setting after this time, such as '1 hour': default when it is removed.")
  ),
  once: Options.boolean("once").pipe(
    Options.withDescription("Tell the processes that run now, and store nothing: a restart ends the setting.")
  ),
  by,
  yes: Confirmation.yes,
  json: Screen.json
}

export const durationOf = (
  name: string,
  text: Option.Option<string>
): Effect.Effect<Duration.Duration | undefined, CommandFailed> =>
  Option.match(text, {
    onNone: () => Effect.succeed(undefined),
    onSome: (given) =>
      Effect.mapError(Duration.decodeUnknown(given), () =>
        usage(`--${name} is ${JSON.stringify(given)}: write a number and its unit, such as '5 minutes'`)
      )
  })

const rowOf = (setting: RuntimeSettings.Setting, now: number): ReadonlyArray<string> => {
  const { kind, name } = Setting.targetOf(setting)
  return [
    Screen.plain(kind === "cache" ? name : `limit ${name}`),
    setting.option,
    Setting.valueText(setting),
    `by ${Screen.plain(setting.by)}`,
    `at ${Time.iso(setting.at)}`,
    setting.until === undefined ? "until it is removed" : `for another ${Time.shown(setting.until - now)}`
  ]
}

export const report = (settings: ReadonlyArray<RuntimeSettings.Setting>, now: number): Screen.Report => ({
  lines: settings.length === 0 ? ["no setting is made"] : Screen.table(settings.map((setting) => rowOf(setting, now))),
  data: { settings }
})

/** Asks for confirmation of settings that can be right, makes them and shows them. */
export const change = (
  what: string,
  planned: Either.Either<ReadonlyArray<RuntimeSettings.Setting>, RuntimeSettings.InvalidSetting>,
  make: Effect.Effect<ReadonlyArray<RuntimeSettings.Setting>, RuntimeSettings.InvalidSetting | RedisError, RedisClient>,
  { json, yes }: { readonly json: boolean; readonly yes: boolean }
) =>
  Effect.gen(function* () {
    // what cannot be right is said before the question
    const settings = yield* Either.mapLeft(planned, ({ message }) => usage(message))
    const values = settings.map((setting) => `${setting.option} ${Setting.valueText(setting)}`).join(", ")
    yield* Confirmation.required({ yes, json }, `set in ${what}, in every process: ${values}`)
    yield* Connection.provide()(
      Effect.gen(function* () {
        const made = yield* Effect.mapError(make, (error) =>
          error._tag === "InvalidSetting" ? usage(error.message) : ofRedis(error)
        )
        yield* Screen.print(json, report(made, yield* (yield* RedisClient).serverTime))
      })
    )
  })

/** Asks for confirmation, removes settings, and says which are gone. */
export const reset = (
  what: string,
  options: ReadonlyArray<string>,
  remove: Effect.Effect<unknown, RedisError, RedisClient>,
  data: object,
  { json, yes }: { readonly json: boolean; readonly yes: boolean }
) =>
  Effect.gen(function* () {
    yield* Confirmation.required({ yes, json }, `give ${what} back what it was built with: ${options.join(", ")}`)
    yield* Effect.mapError(remove, ofRedis).pipe(Connection.provide())
    yield* Screen.print(json, {
      lines: [`${what} has what it was built with: ${options.join(", ")}`],
      data: { ...data, unset: options }
    })
  })
