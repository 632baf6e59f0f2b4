/**
 * How much a run measures: rounds, durations, concurrencies and sets of keys. `standard` takes twenty minutes, `full` over an hour.
 */
import { type KeySet, keySet, keySets } from "../measure/Keys.js"
import { isOfTarget } from "../report/targets.js"

/** Reads of one set of keys by so many concurrent callers. */
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

export interface MeasurementPlan extends Timing {
  /** the timing of measurements that have a target: longer, so that noise does not decide */
  readonly ofTargets: Timing
  readonly concurrencies: ReadonlyArray<number>
  /** the points at which reads are measured */
  readonly points: ReadonlyArray<Point>
  /** the number of operations of the run that looks for growing memory */
  readonly operations: number
}

export const timingOf = (plan: MeasurementPlan, workload: string, concurrency: number): Timing =>
  isOfTarget(workload, concurrency) ? plan.ofTargets : plan

const concurrencies = [1, 16, 128, 1_000]

const hot = keySet(1_000, "uniform")

/** Hot keys at every concurrency, and many keys at the concurrency of the targets. */
export const standard: MeasurementPlan = {
  rounds: 5,
  millis: 120,
  warmUpMillis: 100,
  ofTargets: { rounds: 9, millis: 240, warmUpMillis: 200 },
  concurrencies,
  points: [
    ...concurrencies.map((concurrency) => ({ keys: hot, concurrency })),
    { keys: keySet(100_000, "Zipf"), concurrency: 128 }
  ],
  operations: 200_000
}

/** Every set of keys at every concurrency. */
export const full: MeasurementPlan = {
  rounds: 7,
  millis: 400,
  warmUpMillis: 200,
  ofTargets: { rounds: 9, millis: 400, warmUpMillis: 200 },
  concurrencies,
  points: keySets.flatMap((keys) => concurrencies.map((concurrency) => ({ keys, concurrency }))),
  operations: 5_000_000
}
