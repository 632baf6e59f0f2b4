/**
 * Steps: what runs between two points at which something else may happen. A program of the model is a generator that
 * yields at each such point; the scheduler decides who goes on.
 */

export interface Wait {
  readonly what: string
  readonly ready: () => boolean
}

export type Step<A> = Generator<Wait, A, void>

/** A point at which others may run, and nothing is waited for. */
export const boundary = (what: string): Wait => ({ what, ready: () => true })

/** A caller that waits for a lease: a message wakes it, or the time to ask again. */
export class Sleep implements Wait {
  awake = false
  constructor(
    readonly what: string,
    readonly key: string
  ) {}
  readonly ready = (): boolean => this.awake
}
