/**
 * A workload: what is measured, beside whom, and what comes out of it.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Environment } from "./Environment.js"
import type { Measured } from "./Measure.js"

/** How much is measured. */
export interface Settings {
  readonly rounds: number
  /** of one subject in one round */
  readonly millis: number
  readonly concurrencies: ReadonlyArray<number>
  /** of the run that looks for growing memory */
  readonly operations: number
}

/** One line of the results. */
export interface Result {
  readonly workload: string
  readonly concurrency: number
  readonly subject: string
  readonly opsPerSecond: number
  /** how many times as fast as each of the others */
  readonly ratioTo: Readonly<Record<string, number>>
}

/** A quantity that is no speed. */
export interface Quantity {
  readonly workload: string
  readonly subject: string
  readonly what: string
  readonly value: number
  readonly unit: string
}

export interface Outcome {
  readonly results: ReadonlyArray<Result>
  readonly quantities: ReadonlyArray<Quantity>
}

export interface Workload {
  /** as the command line names it */
  readonly name: string
  /** what is done, for the report: one or two sentences */
  readonly description: string
  readonly run: (settings: Settings) => Effect.Effect<Outcome, never, Environment | Scope.Scope>
}

/** Rates as results, each beside the others. */
export const compare = (
  workload: string,
  concurrency: number,
  measured: ReadonlyArray<Measured>
): ReadonlyArray<Result> =>
  measured.map(({ opsPerSecond, subject }) => ({
    workload,
    concurrency,
    subject,
    opsPerSecond: Math.round(opsPerSecond),
    ratioTo: Object.fromEntries(
      measured
        .filter((other) => other.subject !== subject)
        .map((other) => [other.subject, Number((opsPerSecond / other.opsPerSecond).toPrecision(3))] as const)
    )
  }))
