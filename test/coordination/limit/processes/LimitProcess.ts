/** A process of `main.ts`, as a test holds it. */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { until } from "../../../support/until.js"
import { Counts, Settings } from "./messages.js"

export interface LimitProcess {
  /** what it said last */
  readonly counts: () => Counts
  readonly signal: (signal: "SIGSTOP" | "SIGCONT") => Effect.Effect<void>
  /** Ends it with SIGKILL. */
  readonly kill: Effect.Effect<void>
}

const program = fileURLToPath(new URL("./main.ts", import.meta.url))
const decode = Schema.decodeSync(Counts)
const encode = Schema.encodeSync(Settings)

/** Returns when Redis has answered the process; its end is that of the scope. */
export const start = (settings: Settings): Effect.Effect<LimitProcess, never, Scope.Scope> =>
  Effect.gen(function* () {
    let last: Counts = { allowed: 0, rejected: 0, blocked: 0, denied: 0, allowedWithoutRedis: 0 }
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Bun.spawn([process.execPath, program, encode(settings)], { stdout: "pipe", stderr: "inherit" })
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
          for (const line of lines) last = decode(line)
        }
      })
    )
    yield* until("the process is answered", () => last.allowed + last.rejected > 0)
    return {
      counts: () => last,
      signal: (signal) => Effect.sync(() => child.kill(signal)),
      kill: Effect.promise(() => {
        child.kill("SIGKILL")
        return child.exited
      })
    }
  })
