/**
 * Subjects beside each other: their rates and ratios, and the lines that a run prints of them.
 */
import type { Measured } from "../measure/Measure.js"
import { median } from "../measure/statistics.js"
import { rate, ratio } from "./numbers.js"
import type { Quantity, Speed, Table } from "./Outcome.js"
import type { Reached } from "./targets.js"

/** How many times as fast as the others: the median of the ratios within each round. The speed of a machine varies from round to round. */
export const ratioOf = (rates: ReadonlyArray<number>, others: ReadonlyArray<number>): number =>
  median(rates.map((rate, round) => rate / (others[round] ?? Number.NaN)))

/** One result per subject, with its ratio to each of the others. */
export const compare = (
  workload: string,
  concurrency: number,
  measured: ReadonlyArray<Measured>
): ReadonlyArray<Speed> =>
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

/** The ratios of the first subject to the others, and below them the rates of all. */
export const describe = (results: ReadonlyArray<Speed>): string => {
  const [first] = results
  if (first === undefined) return ""
  const ratios = Object.entries(first.ratioTo).map(([peer, times]) => `${ratio(times)} × ${peer}`)
  const rates = results.map(({ opsPerSecond, subject }) => `${subject} ${rate(opsPerSecond)}`)
  return `  ${first.workload}, ${first.concurrency} at once: ${first.subject} is ${ratios.join(", ")}\n    ${rates.join(", ")} per second`
}

export const describeQuantity = ({ subject, unit, value, what, workload }: Quantity): string =>
  `  ${workload}: ${subject}, ${what}: ${value.toLocaleString("en-US")} ${unit}`

export const describeReached = ({ isReached, peer, reached, target, what }: Reached): string =>
  `  ${isReached ? "reached" : "missed"}: ${what}: ${reached}${peer === undefined ? "" : ` beside ${peer}`}, target ${target}`

export const describeTable = ({ head, rows }: Table): string =>
  [head, ...rows].map((cells) => `  ${cells.join(" | ")}`).join("\n")
