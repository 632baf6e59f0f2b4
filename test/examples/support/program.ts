/** Runs a program of the repository as a user does, with no variable but the given ones. */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import type { Readable } from "node:stream"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { root } from "../../support/root.js"

interface Printed {
  /** to both streams */
  readonly output: string
  readonly stdout: string
  readonly stderr: string
}

export interface Result extends Printed {
  readonly code: number | null
}

const start = (
  args: ReadonlyArray<string>,
  variables: Record<string, string>,
  onOutput: (printed: Printed) => void
): ChildProcessByStdio<null, Readable, Readable> => {
  const child = spawn(process.execPath, args, {
    cwd: root,
    // an .env file of the developer is not read, and shows in no test
    env: { PATH: process.env.PATH, NODE_ENV: "test", ...variables },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const printed = { output: "", stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      printed.output += chunk.toString()
      printed[name] += chunk.toString()
      onOutput(printed)
    })
  }
  return child
}

export const run = (
  file: string,
  variables: Record<string, string> = {},
  args: ReadonlyArray<string> = []
): Effect.Effect<Result> =>
  Effect.async<Result>((resume) => {
    let printed: Printed = { output: "", stdout: "", stderr: "" }
    const child = start([file, ...args], variables, (now) => {
      printed = now
    })
    child.once("close", (code) => resume(Effect.succeed({ code, ...printed })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

export interface Served {
  /** the first URL that the program has printed, without its path */
  readonly url: string
  /** ends the program with SIGTERM, and answers its exit code */
  readonly end: Effect.Effect<number | null>
}

/** Starts a program that listens, and waits for its URL. It ends with the scope at the latest. A program that ends before is a defect. */
export const serve = (
  file: string,
  variables: Record<string, string> = {}
): Effect.Effect<Served, never, Scope.Scope> =>
  Effect.gen(function* () {
    const url = yield* Deferred.make<string>()
    const ended = yield* Deferred.make<number | null>()
    let text = ""
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = start([file], { PORT: "0", ...variables }, ({ output }) => {
          text = output
          const printed = /https?:\/\/[\w.]+:\d+/.exec(output)?.[0]
          if (printed !== undefined) Deferred.unsafeDone(url, Effect.succeed(printed))
        })
        child.once("close", (code) => {
          Deferred.unsafeDone(ended, Effect.succeed(code))
          Deferred.unsafeDone(url, Effect.dieMessage(`${file} has ended without listening:\n${text}`))
        })
        return child
      }),
      (child) =>
        Effect.zipRight(
          Effect.sync(() => child.kill("SIGKILL")),
          Deferred.await(ended)
        )
    )
    return {
      url: yield* Deferred.await(url),
      end: Effect.zipRight(
        Effect.sync(() => child.kill("SIGTERM")),
        Deferred.await(ended)
      )
    }
  })
