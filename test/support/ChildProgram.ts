/** A program in a process of its own, which a test reads line by line. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface ChildProgram {
  readonly send: (line: string) => void
  readonly signal: (signal: "SIGSTOP" | "SIGCONT") => Effect.Effect<void>
  /** Ends it with SIGKILL. */
  readonly kill: Effect.Effect<void>
}

/** Its end is that of the scope. */
export const start = (options: {
  readonly program: string
  /** its only argument */
  readonly argument: string
  readonly hear: (line: string) => void
  readonly ended?: () => void
}): Effect.Effect<ChildProgram, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Bun.spawn([process.execPath, options.program, options.argument], {
          stdin: "pipe",
          stdout: "pipe",
          stderr: "inherit",
          onExit: () => options.ended?.()
        })
      ),
      (child) =>
        Effect.promise(() => {
          child.kill("SIGKILL")
          return child.exited
        })
    )
    yield* Effect.forkScoped(
      Effect.promise(async () => {
        let rest = ""
        for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
          const lines = (rest + chunk).split("\n")
          rest = lines.pop() ?? ""
          for (const line of lines) options.hear(line)
        }
      })
    )
    return {
      send: (line) => {
        child.stdin.write(line + "\n")
        child.stdin.flush()
      },
      signal: (signal) => Effect.sync(() => child.kill(signal)),
      kill: Effect.promise(() => {
        child.kill("SIGKILL")
        return child.exited
      })
    }
  })
