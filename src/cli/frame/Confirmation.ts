/**
 * Destructive commands ask before they act. Without a terminal there is nobody to ask, and they refuse.
 *
 * @internal
 */
import * as Options from "@effect/cli/Options"
import * as Prompt from "@effect/cli/Prompt"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import type * as Terminal from "@effect/platform/Terminal"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { type CommandFailed, usage } from "./CommandFailed.js"

export const yes = Options.boolean("yes").pipe(
  Options.withAlias("y"),
  Options.withDescription("Do it without a question, as scripts must.")
)

/** Whether a person sits before the command: both streams are terminals. */
export class Attended extends Context.Reference<Attended>()("effect-cache-toolkit/cli/Attended", {
  defaultValue: () => process.stdin.isTTY === true && process.stdout.isTTY === true
}) {}

/** Fails unless the operator agrees to `what`, such as "clear the cache user". */
export const required = (
  options: { readonly yes: boolean; readonly json: boolean },
  what: string
): Effect.Effect<void, CommandFailed, FileSystem.FileSystem | Path.Path | Terminal.Terminal> =>
  Effect.gen(function* () {
    if (options.yes) return
    if (options.json || !(yield* Attended)) {
      return yield* usage(`this would ${what}, and there is no terminal to ask at: repeat it with --yes`)
    }
    const agreed = yield* Prompt.run(Prompt.confirm({ message: `This will ${what}. Continue?` })).pipe(
      Effect.orElseSucceed(() => false)
    )
    if (!agreed) return yield* usage("nothing was changed")
  })
