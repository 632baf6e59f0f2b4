/**
 * `effect-cache settings set <cache>` and `settings unset <cache>`.
 *
 * @internal
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as CacheValues from "../../settings/CacheValues.js"
import * as RuntimeSettings from "../../settings/RuntimeSettings.js"
import * as Setting from "../../settings/Setting.js"
import * as Confirmation from "../frame/Confirmation.js"
import * as Screen from "../frame/Screen.js"
import * as CacheArguments from "./CacheArguments.js"
import * as SettingOptions from "./SettingOptions.js"

export const set = Command.make(
  "set",
  {
    cache: CacheArguments.cache,
    timeToLive: Options.text("time-to-live").pipe(
      Options.optional,
      Options.withDescription("How long new values are fresh, such as '5 minutes'.")
    ),
    staleFor: Options.text("stale-for").pipe(
      Options.optional,
      Options.withDescription("How long a value is served past its time to live while it is refreshed.")
    ),
    maxLookups: Options.integer("max-lookups").pipe(
      Options.optional,
      Options.withDescription("The most concurrent lookups while Redis is away or the cache is off.")
    ),
    enabled: Options.choice("switch", ["on", "off"]).pipe(
      Options.optional,
      Options.withDescription("Switch the cache off, or on again. Expect the load of all its reads at the source.")
    ),
    ...SettingOptions.ofChange
  },
  ({ by, cache, duration, enabled, json, maxLookups, once, staleFor, timeToLive, yes }) =>
    Effect.gen(function* () {
      yield* CacheArguments.checkName(cache)
      const values: RuntimeSettings.Values = {
        timeToLive: yield* SettingOptions.durationOf("time-to-live", timeToLive),
        staleFor: yield* SettingOptions.durationOf("stale-for", staleFor),
        outage: { maxLookups: Option.getOrUndefined(maxLookups) },
        enabled: Option.getOrUndefined(Option.map(enabled, (word) => word === "on"))
      }
      const lasting = yield* SettingOptions.durationOf("for", duration)
      yield* SettingOptions.change(
        `the cache ${cache}`,
        CacheValues.make(cache, values, { by, at: 0 }),
        RuntimeSettings.set(cache, values, { by, for: lasting, stored: !once }),
        { json, yes }
      )
    })
).pipe(
  Command.withDescription(
    "Set options of a cache in every process that has the layer RuntimeSettings, without a deploy. Each process logs it."
  )
)

export const unset = Command.make(
  "unset",
  {
    cache: CacheArguments.cache,
    options: Options.choice("option", Setting.options.cache).pipe(
      Options.repeated,
      Options.withDescription("Remove this setting alone: default all of the cache.")
    ),
    by: SettingOptions.by,
    yes: Confirmation.yes,
    json: Screen.json
  },
  ({ by, cache, json, options, yes }) =>
    Effect.gen(function* () {
      yield* CacheArguments.checkName(cache)
      const which = options.length === 0 ? Setting.options.cache : options
      const remove = RuntimeSettings.unset(cache, { by, options: which })
      yield* SettingOptions.reset(`the cache ${cache}`, which, remove, { cache }, { json, yes })
    })
).pipe(Command.withDescription("Remove settings of a cache: it has the options again that it was built with."))
