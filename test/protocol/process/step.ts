/**
 * A step is the code between two points at which anything else may happen. A program of the model is a generator that
 * yields at each such point. The scheduler decides which program continues.
 */
import type { AnyCall } from "../servers/connection.js"

export interface Wait {
  readonly what: string
  readonly ready: () => boolean
  /** the commands that it waits for, if they are several */
  readonly calls?: ReadonlyArray<AnyCall | undefined>
}

export type Step<A> = Generator<Wait, A, void>

/** The local variables of the programs that wait for a step to end. */
export type Locals = Array<ReadonlyArray<unknown>>

/** A step that only waits. */
export function* pause(wait: Wait): Step<void> {
  yield wait
}

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
