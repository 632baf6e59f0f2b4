/**
 * `bun run bench`: the toolkit beside its peers, in one process and one run. See `CommandLine.usage`.
 */
import { BunRuntime } from "@effect/platform-bun"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as CommandLine from "./CommandLine.js"
import { install } from "./Packages.js"

/** The peers are imported after they have been installed. */
const run = (commandLine: CommandLine.CommandLine) =>
  Effect.gen(function* () {
    yield* install
    const { run } = yield* Effect.promise(() => import("./Run.js"))
    return yield* run(commandLine)
  })

const program = Effect.gen(function* () {
  const commandLine = yield* CommandLine.parse(process.argv.slice(2))
  if (commandLine.isHelp) return yield* Console.log(CommandLine.usage)
  return yield* run(commandLine)
}).pipe(
  Effect.catchTag("UsageError", ({ message }) =>
    Effect.zipRight(
      Console.error(`${message}\n\n${CommandLine.usage}`),
      Effect.sync(() => {
        process.exitCode = 2
      })
    )
  )
)

BunRuntime.runMain(program)
