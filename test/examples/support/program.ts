/** Runs a program of the repository as a user does, with no variable but the given ones. */
import { spawn } from "node:child_process"
import * as Effect from "effect/Effect"
import { root } from "../../support/root.js"

export interface Result {
  readonly code: number | null
  readonly output: string
}

export const run = (file: string, variables: Record<string, string> = {}): Effect.Effect<Result> =>
  Effect.async<Result>((resume) => {
    const child = spawn(process.execPath, [file], {
      cwd: root,
      // an .env file of the developer is not read, and shows in no test
      env: { PATH: process.env.PATH, NODE_ENV: "test", ...variables },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.once("close", (code) => resume(Effect.succeed({ code, output })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })
