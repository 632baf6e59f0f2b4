/**
 * `effect-cache settings set-limit <name>` and `settings unset-limit <name>`.
 *
 * @internal
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as LimitValues from "../../settings/LimitValues.js"
import * as RuntimeSettings from "../../settings/RuntimeSettings.js"
import * as Setting from "../../settings/Setting.js"
import * as Confirmation from "../frame/Confirmation.js"
import * as Screen from "../frame/Screen.js"
import * as SettingOptions from "./SettingOptions.js"

const name = Args.text({ name: "name" }).pipe(
  Args.withDescription("The `name` of the limit in the application. A limit without one cannot be set.")
)

export const set = Command.make(
  "set-limit",
  {
    name,
    limit: Options.integer("limit").pipe(
      Options.optional,
      Options.withDescription("How much is allowed in a window, or flows into a bucket in that time.")
    ),
    window: Options.text("window").pipe(
      Options.optional,
      Options.withDescription("The length of the window, such as '1 minute'.")
    ),
    burst: Options.integer("burst").pipe(
      Options.optional,
      Options.withDescription("The size of a token bucket: default as it is, or --limit where it was built so.")
    ),
    ...SettingOptions.ofChange
  },
  ({ burst, by, duration, json, limit, name, once, window, yes }) =>
    Effect.gen(function* () {
      const values: RuntimeSettings.LimitValues = {
        limit: Option.getOrUndefined(limit),
        window: yield* SettingOptions.durationOf("window", window),
        burst: Option.getOrUndefined(burst)
      }
      const lasting = yield* SettingOptions.durationOf("for", duration)
      yield* SettingOptions.change(
        `the limit ${name}`,
        LimitValues.make(name, values, { by, at: 0 }),
        RuntimeSettings.setLimit(name, values, { by, for: lasting, stored: !once }),
        { json, yes }
      )
    })
).pipe(
  Command.withDescription(
    "Set numbers of every rate limit of this name, in every process that has the layer RuntimeSettings. Each process logs it, and " +
      "logs which limit does not accept them."
  )
)

export const unset = Command.make(
  "unset-limit",
  {
    name,
    options: Options.choice("option", Setting.options.limit).pipe(
      Options.repeated,
      Options.withDescription("Remove this number alone: default all of the limit.")
    ),
    by: SettingOptions.by,
    yes: Confirmation.yes,
    json: Screen.json
  },
  ({ by, json, name, options, yes }) => {
    const which = options.length === 0 ? Setting.options.limit : options
    const remove = RuntimeSettings.unsetLimit(name, { by, options: which })
    return SettingOptions.reset(`the limit ${name}`, which, remove, { limit: name }, { json, yes })
  }
).pipe(Command.withDescription("Remove numbers of a limit: it has those again that it was built with."))
