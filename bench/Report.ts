/**
 * What a run found, in the form that is written and compared.
 */
import * as Effect from "effect/Effect"
import type { Machine } from "./Machine.js"
import type { Outcome } from "./Workload.js"

export interface MeasuredOn {
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
}

export interface Report extends MeasuredOn, Outcome {}

/** What it was measured on, as lines of text. */
export const heading = ({ machine, versions }: MeasuredOn): string =>
  `${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}\n` +
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")

export const writeJson = (file: string, report: Report): Effect.Effect<void> =>
  Effect.asVoid(Effect.promise(() => Bun.write(file, `${JSON.stringify(report, null, 2)}\n`)))
