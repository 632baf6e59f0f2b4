/**
 * `effect-cache limits` and `effect-cache limits reset <key>`.
 *
 * @internal
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type CommandFailed, usage } from "../frame/CommandFailed.js"
import * as Confirmation from "../frame/Confirmation.js"
import * as Connection from "../frame/Connection.js"
import * as Screen from "../frame/Screen.js"
import * as Time from "../frame/Time.js"
import * as Limits from "./Limits.js"

const algorithm = Options.choice("algorithm", Limits.algorithms).pipe(Options.optional)

const options = {
  algorithm: algorithm.pipe(Options.withDescription("Measure the keys of this algorithm, by --limit and --window.")),
  limit: Options.integer("limit").pipe(Options.optional, Options.withDescription("How much the application allows.")),
  window: Options.text("window").pipe(Options.optional, Options.withDescription("In which time, such as '1 minute'.")),
  burst: Options.integer("burst").pipe(
    Options.optional,
    Options.withDescription("The size of a token bucket: default --limit.")
  ),
  most: Options.integer("most").pipe(Options.withDefault(1000), Options.withDescription("List at most so many keys.")),
  json: Screen.json
}

const numbersOf = (given: {
  readonly algorithm: Option.Option<Limits.Algorithm>
  readonly limit: Option.Option<number>
  readonly window: Option.Option<string>
  readonly burst: Option.Option<number>
}): Effect.Effect<Limits.Numbers | undefined, CommandFailed> =>
  Effect.gen(function* () {
    const { algorithm, limit } = given
    if (Option.isNone(algorithm) && Option.isNone(limit) && Option.isNone(given.window)) return undefined
    const window = Option.flatMap(given.window, (text) => Duration.decodeUnknown(text))
    if (Option.isNone(algorithm) || Option.isNone(limit) || Option.isNone(window)) {
      return yield* usage("to measure keys give all of --algorithm, --limit and --window, such as --window '1 minute'")
    }
    const numbers: Limits.Numbers = {
      algorithm: algorithm.value,
      limit: limit.value,
      window: window.value,
      burst: Option.getOrUndefined(given.burst)
    }
    yield* Effect.try({
      try: () => Limits.make(numbers),
      catch: (cause) => usage(cause instanceof Error ? cause.message : String(cause))
    })
    return numbers
  })

const usageOf = ({ remaining, resetAfterMillis = 0, used }: Limits.Counted): string => {
  if (remaining === 0) return `OUT, whole again in ${Time.shown(resetAfterMillis)}`
  if (remaining !== undefined) return `${remaining} left`
  return used === undefined ? "" : `${used} used`
}

const rowOf = (limit: Limits.Counted): ReadonlyArray<string> => [
  limit.algorithm,
  Screen.plain(limit.name === undefined ? limit.key : `${limit.key} (${limit.name})`),
  usageOf(limit),
  limit.keptForMillis === null ? "" : `forgotten in ${Time.shown(limit.keptForMillis)}`
]

const reset = Command.make(
  "reset",
  {
    key: Args.text({ name: "key" }).pipe(
      Args.withDescription("The key as the application names it, such as login:ada.")
    ),
    algorithm: algorithm.pipe(Options.withDescription("Reset this algorithm alone: default all of them.")),
    name: Options.text("name").pipe(
      Options.optional,
      Options.withDescription("Reset the limits of this name: default those without one.")
    ),
    yes: Confirmation.yes,
    json: Screen.json
  },
  ({ algorithm, json, key, name, yes }) =>
    Effect.gen(function* () {
      const which = Option.match(algorithm, { onNone: () => Limits.algorithms, onSome: (one) => [one] })
      yield* Confirmation.required({ yes, json }, `forget what was counted for the limit ${key}`)
      yield* Connection.provide()(Limits.reset(key, which, Option.getOrUndefined(name)))
      yield* Screen.print(json, {
        lines: [`reset the limit ${key}: other processes may remember a rejection for another second`],
        data: { key, reset: which }
      })
    })
).pipe(Command.withDescription("Forget what was counted for a key: the whole limit is available again."))

export const command = Command.make("limits", options, ({ json, most, ...given }) =>
  Effect.gen(function* () {
    const numbers = yield* numbersOf(given)
    const { hasMore, limits } = yield* Connection.provide()(Limits.list(most, numbers))
    yield* Screen.print(json, {
      lines: [
        ...(limits.length === 0 ? ["no limit is counted"] : Screen.table(limits.map(rowOf))),
        ...(hasMore ? [`more than ${most}: --most shows more`] : [])
      ],
      data: { limits, hasMore }
    })
  })
).pipe(
  Command.withDescription(
    "List the keys that rate limits count. With --algorithm, --limit and --window of the application: how much is left, and which keys are out."
  ),
  Command.withSubcommands([reset])
)
