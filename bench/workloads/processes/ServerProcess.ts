/**
 * Starts the toolkit's server as a user does, on a free port and in an empty folder.
 */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as ChildProcess from "../../run/ChildProcess.js"

const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url))

/** Writes of the server's API need it. */
export const apiToken = "the-token-of-the-benchmark"

/** Answers the server's URL once it listens. Dies with the server's output if it ends before. */
export const start = (variables: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const directory = yield* ChildProcess.temporaryDirectory
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [main], {
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
    return yield* Effect.async<string>((resume) => {
      let output = ""
      const read = (chunk: Buffer) => {
        // kept only until the server listens: the log of a long run would take memory
        output += chunk.toString()
        const url = /listening on (http:\/\/[^ ,]+)/.exec(output)?.[1]
        if (url === undefined) return
        child.stdout.off("data", read).resume()
        child.stderr.off("data", read).resume()
        resume(Effect.succeed(url))
      }
      child.stdout.on("data", read)
      child.stderr.on("data", read)
      child.once("exit", (code) => resume(Effect.dieMessage(`the server ended with ${code}:\n${output}`)))
    })
  })
