/**
 * A workload: what is measured, beside which subjects, and its results.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Environment, emptied } from "./Environment.js"
import { type KeySet, sequence } from "./Keys.js"
import { type Measured, type MeasureOptions, measure, type Subject } from "./Measure.js"
import { rate, ratio } from "./numbers.js"
import type { Outcome, Quantity, Result } from "./Outcome.js"
import { median } from "./statistics.js"
import { isOfTarget } from "./targets.js"

/** Keys of one kind, asked for by so many callers. */
export interface Point {
  readonly keys: KeySet
  readonly concurrency: number
}

/** How often and how long a subject is measured: see `MeasureOptions`. */
export interface Timing {
  readonly rounds: number
  readonly millis: number
  readonly warmUpMillis: number
}

/** How much is measured. */
export interface Settings extends Timing {
  /** the timing of the targets, which must differ from noise */
  readonly ofTargets: Timing
  readonly concurrencies: ReadonlyArray<number>
  /** what reads are measured at */
  readonly points: ReadonlyArray<Point>
  /** of the run that looks for growing memory */
  readonly operations: number
}

export const timingOf = (settings: Settings, workload: string, concurrency: number): Timing =>
  isOfTarget(workload, concurrency) ? settings.ofTargets : settings

export interface Workload {
  /** as the command line names it */
  readonly name: string
  /** what is done, for the report: one or two sentences */
  readonly description: string
  readonly run: (settings: Settings) => Effect.Effect<Outcome, never, Environment | Scope.Scope>
}

/**
 * Rates as results, each beside the others: the median of the ratios within each round, since a machine is not equally
 * fast in all of them.
 */
export const compare = (
  workload: string,
  concurrency: number,
  measured: ReadonlyArray<Measured>
): ReadonlyArray<Result> =>
  measured.map(({ rates, subject }) => ({
    workload,
    concurrency,
    subject,
    opsPerSecond: Math.round(median(rates)),
    ratioTo: Object.fromEntries(
      measured
        .filter((other) => other.subject !== subject)
        .map((other) => [other.subject, Number(ratioOf(rates, other.rates).toPrecision(3))] as const)
    )
  }))

/** How many times as much, by the median of the rounds. */
export const ratioOf = (rates: ReadonlyArray<number>, others: ReadonlyArray<number>): number =>
  median(rates.map((rate, round) => rate / (others[round] ?? Number.NaN)))

/** What the first subject reaches beside the others, as one line: ratios first. */
export const describe = (results: ReadonlyArray<Result>): string => {
  const [first] = results
  if (first === undefined) return ""
  const ratios = Object.entries(first.ratioTo).map(([peer, times]) => `${ratio(times)} × ${peer}`)
  const rates = results.map(({ opsPerSecond, subject }) => `${subject} ${rate(opsPerSecond)}`)
  return `  ${first.workload}, ${first.concurrency} at once: ${first.subject} is ${ratios.join(", ")}\n    ${rates.join(", ")} per second`
}

export const describeQuantity = ({ subject, unit, value, what, workload }: Quantity): string =>
  `  ${workload}: ${subject}, ${what}: ${value.toLocaleString("en-US")} ${unit}`

/** Measures subjects once, and tells what was found. */
export const compared = (
  workload: string,
  subjects: ReadonlyArray<Subject>,
  options: MeasureOptions
): Effect.Effect<ReadonlyArray<Result>> =>
  measure(subjects, options).pipe(
    Effect.map((measured) => compare(workload, options.concurrency, measured)),
    Effect.tap((results) => Console.log(describe(results)))
  )

/**
 * Measures subjects at every point of the settings. They are made for each set of keys and hold no others: what else is in
 * the process is paid for by everyone, since it is looked through for garbage again and again.
 */
export const comparedOverKeys = (
  workload: string,
  settings: Settings,
  make: (size: number) => Effect.Effect<ReadonlyArray<Subject>, never, Environment | Scope.Scope>,
  options: { readonly clockEvery?: number } = {}
): Effect.Effect<ReadonlyArray<Result>, never, Environment> =>
  Effect.map(
    Effect.forEach(Array.from(new Set(settings.points.map(({ keys }) => keys))), (keys) =>
      Effect.flatMap(make(keys.size), (subjects) =>
        Effect.forEach(
          settings.points.filter((point) => point.keys === keys),
          ({ concurrency }) => {
            const name = `${workload} (${keys.name})`
            const timing = timingOf(settings, name, concurrency)
            return compared(name, subjects, { ...options, ...timing, concurrency, keys: sequence(keys) })
          }
        )
      ).pipe(emptied, Effect.scoped)
    ),
    (results) => results.flat(2)
  )
