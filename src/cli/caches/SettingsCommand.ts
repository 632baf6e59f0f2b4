/**
 * `effect-cache settings` and its subcommands.
 *
 * @internal
 */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { RedisClient } from "../../redis/RedisClient.js"
import * as RuntimeSettings from "../../settings/RuntimeSettings.js"
import { ofRedis } from "../frame/CommandFailed.js"
import * as Connection from "../frame/Connection.js"
import * as Screen from "../frame/Screen.js"
import * as CacheSettings from "./CacheSettings.js"
import * as LimitSettings from "./LimitSettings.js"
import * as SettingOptions from "./SettingOptions.js"

export const command = Command.make("settings", { json: Screen.json }, ({ json }) =>
  Connection.provide()(
    Effect.gen(function* () {
      const settings = yield* Effect.mapError(RuntimeSettings.list, ofRedis)
      yield* Screen.print(json, SettingOptions.report(settings, yield* (yield* RedisClient).serverTime))
    })
  )
).pipe(
  Command.withDescription(
    "List what is set of caches and limits at run time: the operator, the time of the change and its end."
  ),
  Command.withSubcommands([CacheSettings.set, CacheSettings.unset, LimitSettings.set, LimitSettings.unset])
)
