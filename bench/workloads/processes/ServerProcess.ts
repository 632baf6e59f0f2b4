/**
 * Starts a server as a user does, on a free port and in an empty folder.
 */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "../../run/ChildProcess.js"

const program = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

/** What is started: the toolkit's server, and the programs that are measured beside it. */
export const programs = {
  toolkit: program("src/main.ts"),
  byHand: program("bench/programs/servedByHand.ts"),
  constant: program("bench/programs/servedConstant.ts"),
  route: program("bench/programs/servedRoute.ts")
} as const

/** Writes of the server's API need it. */
export const apiToken = "the-token-of-the-benchmark"

export interface ServerProcess {
  readonly url: string
  readonly pid: number
}

/** Answers once the server listens. Dies with the server's output if it ends before. */
export const start = (
  path: string,
  variables: Readonly<Record<string, string>>
): Effect.Effect<ServerProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const directory = yield* ChildProcess.temporaryDirectory
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [path], {
          cwd: directory,
          env: {
            PATH: process.env.PATH,
            PORT: "0",
            DATABASE_URL: "sqlite:./bench.db",
            API_TOKEN: apiToken,
            ...variables
          }
        })
      ),
      (child) => ChildProcess.end(child, () => child.kill("SIGTERM"))
    )
    return yield* Effect.async<ServerProcess>((resume) => {
      let output = ""
      const read = (chunk: Buffer) => {
        // kept only until the server listens: the log of a long run would take memory
        output += chunk.toString()
        const url = /listening on (http:\/\/[^\s,"]+)/.exec(output)?.[1]
        if (url === undefined) return
        child.stdout.off("data", read).resume()
        child.stderr.off("data", read).resume()
        resume(Effect.succeed({ url, pid: child.pid ?? 0 }))
      }
      child.stdout.on("data", read)
      child.stderr.on("data", read)
      child.once("exit", (code) => resume(Effect.dieMessage(`the server ended with ${code}:\n${output}`)))
    })
  })
