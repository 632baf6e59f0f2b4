/** The results of a workload. */

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
