/**
 * `effect-cache settings`, `settings set <cache>` and `settings unset <cache>`.
 *
 * @internal
 */
import { userInfo } from "node:os"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { RedisClient } from "../../redis/RedisClient.js"
import * as RuntimeSettings from "../../settings/RuntimeSettings.js"
import * as Setting from "../../settings/Setting.js"
import { type CommandFailed, ofRedis, usage } from "../frame/CommandFailed.js"
import * as Confirmation from "../frame/Confirmation.js"
import * as Connection from "../frame/Connection.js"
import * as Screen from "../frame/Screen.js"
import * as Time from "../frame/Time.js"
import * as CacheArguments from "./CacheArguments.js"

/** The name of the system's user. There is none where the container's user is no user of the system. */
const userName = (): string => {
  try {
    return userInfo().username
  } catch {
    return "unknown"
  }
}

const by = Options.text("by").pipe(
  Options.withDefault(userName()),
  Options.withDescription("Your name, for the log of every process: default that of the system's user.")
)

const durationOf = (
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

const rowOf = (setting: RuntimeSettings.Setting, now: number): ReadonlyArray<string> => [
  Screen.plain(setting.cache),
  setting.option,
  Setting.valueText(setting),
  `by ${Screen.plain(setting.by)}`,
  `at ${Time.iso(setting.at)}`,
  setting.until === undefined ? "until it is removed" : `for another ${Time.shown(setting.until - now)}`
]

const report = (settings: ReadonlyArray<RuntimeSettings.Setting>, now: number): Screen.Report => ({
  lines: settings.length === 0 ? ["no setting is made"] : Screen.table(settings.map((setting) => rowOf(setting, now))),
  data: { settings }
})

const set = Command.make(
  "set",
  {
    cache: CacheArguments.cache,
    timeToLive: Options.text("time-to-live").pipe(
      Options.optional,
      Options.withDescription("How long new values are fresh, such as '5 minutes'.")
    ),
    maxLookups: Options.integer("max-lookups").pipe(
      Options.optional,
      Options.withDescription("The most concurrent lookups while Redis is away or the cache is off.")
    ),
    enabled: Options.choice("switch", ["on", "off"]).pipe(
      Options.optional,
      Options.withDescription("Switch the cache off, or on again. Expect the load of all its reads at the source.")
    ),
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
  },
  ({ by, cache, duration, enabled, json, maxLookups, once, timeToLive, yes }) =>
    Effect.gen(function* () {
      yield* CacheArguments.checkName(cache)
      const values: RuntimeSettings.Values = {
        timeToLive: yield* durationOf("time-to-live", timeToLive),
        outage: { maxLookups: Option.getOrUndefined(maxLookups) },
        enabled: Option.getOrUndefined(Option.map(enabled, (word) => word === "on"))
      }
      const lasting = yield* durationOf("for", duration)
      // what cannot be right is said before the question
      const origin = { by, at: 0 }
      const planned = yield* Effect.mapError(Setting.make(cache, values, origin), ({ message }) => usage(message))
      const what = planned.map((setting) => `${setting.option} ${Setting.valueText(setting)}`).join(", ")
      yield* Confirmation.required({ yes, json }, `set in the cache ${cache}, in every process: ${what}`)
      yield* Connection.provide()(
        Effect.gen(function* () {
          const made = yield* Effect.mapError(
            RuntimeSettings.set(cache, values, { by, for: lasting, stored: !once }),
            (error) => (error._tag === "InvalidSetting" ? usage(error.message) : ofRedis(error))
          )
          yield* Screen.print(json, report(made, yield* (yield* RedisClient).serverTime))
        })
      )
    })
).pipe(
  Command.withDescription(
    "Set options of a cache in every process that has the layer RuntimeSettings, without a deploy. Each process logs it."
  )
)

const unset = Command.make(
  "unset",
  {
    cache: CacheArguments.cache,
    options: Options.choice("option", Setting.options).pipe(
      Options.repeated,
      Options.withDescription("Remove this setting alone: default all of the cache.")
    ),
    by,
    yes: Confirmation.yes,
    json: Screen.json
  },
  ({ by, cache, json, options, yes }) =>
    Effect.gen(function* () {
      yield* CacheArguments.checkName(cache)
      const which = options.length === 0 ? Setting.options : options
      yield* Confirmation.required({ yes, json }, `give the cache ${cache} the options back that it was built with`)
      yield* Effect.mapError(RuntimeSettings.unset(cache, { by, options: which }), ofRedis).pipe(Connection.provide())
      yield* Screen.print(json, {
        lines: [`the cache ${cache} has what it was built with: ${which.join(", ")}`],
        data: { cache, unset: which }
      })
    })
).pipe(Command.withDescription("Remove settings of a cache: it has the options again that it was built with."))

export const command = Command.make("settings", { json: Screen.json }, ({ json }) =>
  Connection.provide()(
    Effect.gen(function* () {
      const settings = yield* Effect.mapError(RuntimeSettings.list, ofRedis)
      yield* Screen.print(json, report(settings, yield* (yield* RedisClient).serverTime))
    })
  )
).pipe(
  Command.withDescription("List what is set of caches at run time: the operator, the time of the change and its end."),
  Command.withSubcommands([set, unset])
)
