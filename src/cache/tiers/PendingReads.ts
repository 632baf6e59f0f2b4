/**
 * Reads that travel together, and who is told what becomes of them.
 *
 * @since 0.1.0
 */
import type { CacheKey } from "../entry/CacheKey.js"
import { freshOf, type ReadListener, type TierResult } from "./TierRead.js"

/**
 * Keys in one command, and markers: large enough to amortise the round trip, small enough not to stall the server.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxKeys = 512

/**
 * The reads that travel by one command.
 *
 * @since 0.1.0
 * @category models
 */
export class ReadBatch<A> {
  /** each once */
  readonly keys: Array<string> = []
  /** whose markers travel with them */
  tags: ReadonlyArray<string> = []
  private readonly askers: Array<ReadListener<A>> = []
  /** of each asker its number for its key */
  private readonly numbers: Array<number> = []
  /** of each asker the place of its key */
  private readonly places: Array<number> = []
  /** how many have been told */
  private told = 0

  /** When the first of them was asked for, in nanoseconds, and `tagsAcknowledged` of the guard then. */
  constructor(
    readonly asked: bigint,
    readonly tagsAcknowledged: number
  ) {}

  /** how many ask, each as often as it asks */
  get size(): number {
    return this.askers.length
  }

  join(place: number, asker: ReadListener<A>, number: number): void {
    this.askers.push(asker)
    this.numbers.push(number)
    this.places.push(place)
  }

  /**
   * Tells the next of those who ask the answer at the place of their key, each once: so many, and the rest of what the last
   * of them asks for. From the first answer that is no hit it tells all of them, since what their callers do next is
   * gathered by turns of the event loop: those who miss look up together. Answers whether there are more.
   */
  tell(count: number, answerAt: (place: number) => TierResult<A>): boolean {
    const { askers, numbers, places } = this
    const answers: Array<TierResult<A>> = []
    let end = this.told + count
    let last: ReadListener<A> | undefined
    while (this.told < askers.length) {
      const i = this.told
      const asker = askers[i]
      if (i >= end && asker !== last) return true
      this.told++
      last = asker
      const place = places[i] ?? 0
      const answer = answers[place] ?? answerAt(place)
      answers[place] = answer
      if (end < askers.length && freshOf(answer) === undefined) end = askers.length
      asker?.onResult(answer, numbers[i] ?? 0)
    }
    return false
  }
}

/** numbers the gatherings of the process */
let gatherings = 0

/**
 * The reads of one moment, until the first of their commands leaves: each key once, in as many batches as it takes.
 *
 * @since 0.1.0
 * @category models
 */
export class PendingReads<A> {
  readonly batches: Array<ReadBatch<A>> = []
  private readonly number = ++gatherings
  /** how many keys it has */
  private size = 0

  /** Answers the batch that it has begun, if it has; it must then be sent. */
  join(key: CacheKey, asker: ReadListener<A>, number: number, begin: () => ReadBatch<A>): ReadBatch<A> | undefined {
    const isNew = key.gathering !== this.number
    if (isNew) {
      key.gathering = this.number
      key.place = this.size++
    }
    const begun = key.place === this.batches.length * maxKeys ? begin() : undefined
    if (begun !== undefined) this.batches.push(begun)
    const batch = this.batches[Math.floor(key.place / maxKeys)]
    if (isNew) batch?.keys.push(key.text)
    batch?.join(key.place % maxKeys, asker, number)
    return begun
  }
}
