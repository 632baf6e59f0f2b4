/**
 * Reads in a process of their own, which measures on request. See `bench/programs/reads.ts`.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as ChildProcess from "../../run/ChildProcess.js"

const program = fileURLToPath(new URL("../../programs/reads.ts", import.meta.url))

export type Kind = "client" | "limit" | "shared" | "local"

export interface MeasuredReads {
  readonly opsPerSecond: number
  /** the processor time of one read, all threads of the process included */
  readonly processorNanos: number
}

export interface ReadsProcess {
  readonly measure: (concurrency: number, millis: number) => Promise<MeasuredReads>
}

/** Starts the process. It ends with the scope, by the end of its input. */
export const make = (url: string, kind: Kind, runtimeArguments: ReadonlyArray<string> = [], parent?: "unsampled") =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [...runtimeArguments, program, kind, url, ...(parent === undefined ? [] : [parent])], {
          stdio: ["pipe", "pipe", "inherit"]
        })
      ),
      (child) => ChildProcess.end(child, () => child.stdin.end())
    )
    const ended = new Promise<never>((_, reject) => {
      child.once("exit", (code) => reject(new Error(`the process of ${kind} reads ended with ${code}`)))
    })
    // no unhandled rejection when the process ends as it should
    ended.catch(() => {})
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const line = async () => String((await Promise.race([lines.next(), ended])).value)
    yield* Effect.promise(line)
    const reads: ReadsProcess = {
      measure: async (concurrency, millis) => {
        child.stdin.write(`${concurrency} ${millis}\n`)
        const [opsPerSecond = Number.NaN, processorNanos = Number.NaN] = (await line()).split(" ").map(Number)
        return { opsPerSecond, processorNanos }
      }
    }
    return reads
  })
