/** Runs the command `effect-cache` in a process of its own, as a shell does. */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { root } from "../root.js"

export interface CliProcess {
  /** what it has printed so far, on either stream */
  readonly printed: () => string
  readonly write: (text: string) => void
  readonly endInput: Effect.Effect<void>
  readonly interrupt: Effect.Effect<void>
  /** its exit code, when it has ended */
  readonly exitCode: Effect.Effect<number>
}

/** Its end is that of the scope. */
export const start = (
  variables: Readonly<Record<string, string>>,
  ...args: ReadonlyArray<string>
): Effect.Effect<CliProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Bun.spawn([process.execPath, join(root, "src/cli.ts"), ...args], {
          env: { PATH: process.env.PATH, ...variables },
          stdin: "pipe",
          stdout: "pipe",
          stderr: "pipe"
        })
      ),
      (child) =>
        Effect.promise(() => {
          child.kill("SIGKILL")
          return child.exited
        })
    )
    let printed = ""
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const chunk of stream.pipeThrough(new TextDecoderStream())) printed += chunk
    }
    const whole = Promise.all([read(child.stdout), read(child.stderr)])
    return {
      printed: () => printed,
      write: (text) => {
        child.stdin.write(text)
        child.stdin.flush()
      },
      endInput: Effect.promise(async () => void (await child.stdin.end())),
      interrupt: Effect.sync(() => child.kill("SIGINT")),
      exitCode: Effect.promise(() => whole.then(() => child.exited))
    }
  })

/** Runs it to its end, with this text as its standard input. */
export const run = (variables: Readonly<Record<string, string>>, input: string, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const child = yield* start(variables, ...args)
    child.write(input)
    yield* child.endInput
    const exitCode = yield* child.exitCode
    return { exitCode, printed: child.printed().trimEnd() }
  }).pipe(Effect.scoped)
