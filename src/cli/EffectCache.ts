/**
 * The command `effect-cache`: its subcommands, and what becomes of their failures.
 *
 * @internal
 */
import * as Command from "@effect/cli/Command"
import * as ValidationError from "@effect/cli/ValidationError"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import type * as Terminal from "@effect/platform/Terminal"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { version } from "../internal/Version.js"
import * as InspectCommand from "./caches/InspectCommand.js"
import * as InvalidateCommand from "./caches/InvalidateCommand.js"
import * as SettingsCommand from "./caches/SettingsCommand.js"
import * as TagsCommand from "./caches/TagsCommand.js"
import * as LimitsCommand from "./coordination/LimitsCommand.js"
import * as LocksCommand from "./coordination/LocksCommand.js"
import * as DoctorCommand from "./doctor/DoctorCommand.js"
import { CommandFailed } from "./frame/CommandFailed.js"
import * as ErrorLog from "./frame/ErrorLog.js"
import * as ExitCode from "./frame/ExitCode.js"
import * as Secrets from "./frame/Secrets.js"
import * as BenchCommand from "./live/BenchCommand.js"
import * as TopCommand from "./live/TopCommand.js"
import * as WarmCommand from "./warm/WarmCommand.js"

const command = Command.make("effect-cache").pipe(
  Command.withDescription(
    "See and operate caches, locks and limits of effect-cache-toolkit. The servers are those of REDIS_URL, REDIS_HOST, " +
      "REDIS_SENTINELS or REDIS_CLUSTER_NODES, as in layerConfig."
  ),
  Command.withSubcommands([
    DoctorCommand.command,
    InspectCommand.command,
    InvalidateCommand.invalidate,
    InvalidateCommand.clear,
    TagsCommand.command,
    SettingsCommand.command,
    WarmCommand.command,
    LocksCommand.command,
    LimitsCommand.command,
    TopCommand.command,
    BenchCommand.command
  ])
)

const cli = Command.run(command, {
  name: "effect-cache",
  version,
  executable: "effect-cache"
})

const report = (isJson: boolean, message: string, exitCode: number): Effect.Effect<void> => {
  if (message === "") return Effect.void
  return isJson
    ? Console.log(JSON.stringify({ error: { message, exitCode } }))
    : Console.error(`effect-cache: ${message}`)
}

/** What a program of the command needs. */
export type Environment = FileSystem.FileSystem | Path.Path | Terminal.Terminal

/** Runs the command line, with the runtime and the script as its first two words, and returns the exit code. */
export const run = (argv: ReadonlyArray<string>): Effect.Effect<number, never, Environment> => {
  const isJson = argv.includes("--json")
  const ended = (exit: Exit.Exit<void, unknown>): Effect.Effect<number> => {
    if (Exit.isSuccess(exit)) return Effect.succeed(ExitCode.ok)
    if (Cause.isInterruptedOnly(exit.cause)) return Effect.succeed(ExitCode.interrupted)
    const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
    // the message has been printed, with the usage
    if (ValidationError.isValidationError(failure)) return Effect.succeed(ExitCode.usage)
    if (failure instanceof CommandFailed) {
      return Effect.as(report(isJson, failure.message, failure.exitCode), failure.exitCode)
    }
    return Effect.as(report(isJson, Cause.pretty(exit.cause), ExitCode.failed), ExitCode.failed)
  }
  return Effect.exit(cli(argv)).pipe(Effect.flatMap(ended), Effect.provide(ErrorLog.layer), Secrets.hidden)
}
