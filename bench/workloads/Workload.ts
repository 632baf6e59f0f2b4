/**
 * A workload, and the ways to measure its subjects: once, at every concurrency, or at every point of the plan.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type KeySequence, sequence } from "../measure/Keys.js"
import { type MeasureOptions, measure, type Subject } from "../measure/Measure.js"
import { compare, describe } from "../report/Comparison.js"
import type { Outcome, Speed } from "../report/Outcome.js"
import { type BenchServer, emptied } from "../run/BenchServer.js"
import { type MeasurementPlan, timingOf } from "./MeasurementPlan.js"

export interface Workload {
  /** the name on the command line */
  readonly name: string
  /** what the workload does, for the report: one or two sentences */
  readonly description: string
  readonly run: (plan: MeasurementPlan) => Effect.Effect<Outcome, never, BenchServer | Scope.Scope>
}

/** Measures the subjects once, and prints the result. */
export const compared = (
  workload: string,
  subjects: ReadonlyArray<Subject>,
  options: MeasureOptions
): Effect.Effect<ReadonlyArray<Speed>> =>
  measure(subjects, options).pipe(
    Effect.map((measured) => compare(workload, options.concurrency, measured)),
    Effect.tap((results) => Console.log(describe(results)))
  )

/**
 * Measures the subjects at every point of the plan. `make` builds them anew for each set of keys. The garbage collector looks
 * through the whole heap, so that subjects of another set of keys would slow these down.
 */
export const comparedOverKeys = (
  workload: string,
  plan: MeasurementPlan,
  make: (size: number) => Effect.Effect<ReadonlyArray<Subject>, never, BenchServer | Scope.Scope>,
  options: { readonly clockEvery?: number } = {}
): Effect.Effect<Outcome, never, BenchServer> =>
  Effect.map(
    Effect.forEach(Array.from(new Set(plan.points.map(({ keys }) => keys))), (keys) =>
      Effect.flatMap(make(keys.size), (subjects) =>
        Effect.forEach(
          plan.points.filter((point) => point.keys === keys),
          ({ concurrency }) => {
            const name = `${workload} (${keys.name})`
            const timing = timingOf(plan, name, concurrency)
            return compared(name, subjects, { ...options, ...timing, concurrency, keys: sequence(keys) })
          }
        )
      ).pipe(emptied, Effect.scoped)
    ),
    (results) => ({ results: results.flat(2), quantities: [] })
  )

/** Measures the same subjects at every concurrency of the plan, each time on what `keys` returns. */
export const comparedOverConcurrencies = (
  workload: string,
  plan: MeasurementPlan,
  subjects: ReadonlyArray<Subject>,
  keys: () => KeySequence
): Effect.Effect<ReadonlyArray<Speed>> =>
  Effect.map(
    Effect.forEach(plan.concurrencies, (concurrency) =>
      compared(workload, subjects, { ...timingOf(plan, workload, concurrency), concurrency, keys: keys() })
    ),
    (results) => results.flat()
  )
