/**
 * A step is the code between two points at which anything else may happen. A program of the model is a generator that
 * yields at each such point. The scheduler decides which program continues.
 */

export interface Wait {
  readonly what: string
  readonly ready: () => boolean
}

export type Step<A> = Generator<Wait, A, void>

/** A point at which other programs may run. It waits for nothing. */
export const boundary = (what: string): Wait => ({ what, ready: () => true })

/** A flight that waits for a lease, until a message or its next poll. */
export class Sleep implements Wait {
  awake = false
  constructor(
    readonly what: string,
    readonly key: string
  ) {}
  readonly ready = (): boolean => this.awake
}
