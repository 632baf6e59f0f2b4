/** The server as a program of its own, as a user starts it. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url))

export interface Program {
  readonly directory: string
  readonly process: ChildProcess
  readonly output: () => string
  /** the port it listens on; the whole output when it ends without listening */
  readonly listening: Effect.Effect<number, string>
  readonly exitCode: Effect.Effect<number | null>
}

/** The program as a user starts it, in a directory of its own and with no variable but these. */
export const start = (settings: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "toolkit-main-"))),
      (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
    )
    const listening = yield* Deferred.make<number, string>()
    const exit = yield* Deferred.make<number | null>()
    return yield* Effect.acquireRelease(
      Effect.sync((): Program => {
        let output = ""
        const child = spawn(process.execPath, [main], {
          cwd: directory,
          env: { PATH: process.env.PATH, PORT: "0", ...settings }
        })
        const read = (chunk: Buffer) => {
          output += chunk.toString()
          const port = /listening on http:\/\/[^ ]+:(\d+)/.exec(output)?.[1]
          if (port !== undefined) Deferred.unsafeDone(listening, Effect.succeed(Number(port)))
        }
        child.stdout.on("data", read)
        child.stderr.on("data", read)
        child.on("close", (code) => {
          Deferred.unsafeDone(listening, Effect.fail(output))
          Deferred.unsafeDone(exit, Effect.succeed(code))
        })
        return {
          directory,
          process: child,
          output: () => output,
          listening: Deferred.await(listening),
          exitCode: Deferred.await(exit)
        }
      }),
      ({ process: child }) =>
        Effect.zipRight(
          Effect.sync(() => child.kill("SIGKILL")),
          Deferred.await(exit)
        )
    )
  })
