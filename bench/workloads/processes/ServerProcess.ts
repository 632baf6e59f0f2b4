/**
 * The toolkit's server as a process of its own, as a user starts it, on a free port and in a directory of its own.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"

const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url))

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "toolkit-bench-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

/** Answers its URL as soon as it says that it listens; dies with what it said when it ends before. */
export const start = (variables: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [main], {
          cwd: directory,
          env: { PATH: process.env.PATH, PORT: "0", DATABASE_URL: "sqlite:./bench.db", ...variables }
        })
      ),
      (child) =>
        Effect.async<void>((resume) => {
          if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGTERM")
        })
    )
    return yield* Effect.async<string>((resume) => {
      let output = ""
      const read = (chunk: Buffer) => {
        // only what comes before it listens: the log of a long run is not kept
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
