/**
 * Reads in a process of their own, which measures on request. See `bench/programs/reads.ts`.
 */
import * as Effect from "effect/Effect"
import * as LineProcess from "../../run/LineProcess.js"

export type Kind = "client" | "limit" | "shared" | "local"

export interface MeasuredReads {
  readonly opsPerSecond: number
  /** the processor time of one read, all threads of the process included */
  readonly processorNanos: number
}

export interface ReadsProcess {
  readonly measure: (concurrency: number, millis: number) => Promise<MeasuredReads>
}

/** Starts the process. It ends with the scope. */
export const make = (url: string, kind: Kind, runtimeArguments: ReadonlyArray<string> = [], parent?: "unsampled") =>
  Effect.map(
    LineProcess.start("reads.ts", [kind, url, ...(parent === undefined ? [] : [parent])], runtimeArguments),
    ({ ask }): ReadsProcess => ({
      measure: async (concurrency, millis) => {
        const reply = await ask(`${concurrency} ${millis}`)
        const [opsPerSecond = Number.NaN, processorNanos = Number.NaN] = reply.split(" ").map(Number)
        return { opsPerSecond, processorNanos }
      }
    })
  )
