/**
 * `bun run bench`: the toolkit beside its peers, in one process and one run. See `CommandLine.usage`.
 */
import { spawn } from "node:child_process"
import { BunRuntime } from "@effect/platform-bun"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { versionLine } from "../src/internal/ProgramArguments.js"
import * as ChildProcess from "./run/ChildProcess.js"
import * as CommandLine from "./run/CommandLine.js"
import { directory, install } from "./run/Packages.js"

const args = process.argv.slice(2)

/** In a process of its own: a process that started before its packages were installed does not find them. */
const run = (program: string) =>
  Effect.async<number>((resume) => {
    const child = spawn(
      process.execPath,
      ["--preload", `${directory}programs/peers.ts`, `${directory}${program}`, ...args],
      { stdio: "inherit" }
    )
    child.once("exit", (code) => resume(Effect.succeed(code ?? 1)))
    // it closes its servers and clients before it ends
    return ChildProcess.end(child, () => child.kill("SIGTERM"))
  })

const program = Effect.gen(function* () {
  const { isHelp, isQuick, isVersion } = yield* CommandLine.parse(args)
  if (isHelp) return yield* Console.log(CommandLine.usage)
  if (isVersion) return yield* Console.log(versionLine)
  yield* install
  process.exitCode = yield* run(isQuick ? "Gate.ts" : "programs/workloads.ts")
}).pipe(CommandLine.catchUsageError)

BunRuntime.runMain(program)
