/** The results of a workload. */

/** How fast one subject was, alone and beside the others. */
export interface Speed {
  readonly workload: string
  readonly concurrency: number
  readonly subject: string
  readonly opsPerSecond: number
  /** how many times as fast as each of the others */
  readonly ratioTo: Readonly<Record<string, number>>
}

/** A result other than a speed, such as memory or latency. */
export interface Quantity {
  readonly workload: string
  readonly subject: string
  readonly what: string
  readonly value: number
  readonly unit: string
}

/** Rows of texts below the columns' heads, for what neither speeds nor quantities show well. */
export interface Table {
  readonly head: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

export interface Outcome {
  readonly results: ReadonlyArray<Speed>
  readonly quantities: ReadonlyArray<Quantity>
  /** shown in place of the quantities, which then only have targets */
  readonly tables?: ReadonlyArray<Table>
}
