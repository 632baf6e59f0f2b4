/**
 * Collects the reads of one moment into batches, and delivers the results to their callers.
 *
 * @since 0.1.0
 */
import type { CacheKey } from "../entry/CacheKey.js"
import { freshOf, type ReadListener, type TierResult } from "./TierRead.js"

/**
 * The most keys of one command, and the most markers: many enough to amortise the round trip, few enough not to block the
 * server.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxKeys = 512

/**
 * The reads of one command.
 *
 * @since 0.1.0
 * @category models
 */
export class ReadBatch<A> {
  /** the keys of Redis, each once */
  readonly keys: Array<string> = []
  /** the tags whose markers are read with the keys */
  tags: ReadonlyArray<string> = []
  // three lists in step, and not one of objects: an object for each read is felt
  private readonly listeners: Array<ReadListener<A>> = []
  private readonly numbers: Array<number> = []
  private readonly places: Array<number> = []
  private delivered = 0

  constructor(
    /** when the first read was requested, in nanoseconds */
    readonly requestedAt: bigint,
    /** `tagsAcknowledged` of the outbox at that time */
    readonly tagsAcknowledged: number,
    /** the number of the server that holds the keys */
    readonly server: number
  ) {}

  /** the number of reads, which may be more than the keys */
  get size(): number {
    return this.listeners.length
  }

  /** Adds a read of the key at a place. */
  join(place: number, listener: ReadListener<A>, number: number): void {
    this.listeners.push(listener)
    this.numbers.push(number)
    this.places.push(place)
  }

  /**
   * Resumes up to `count` callers of this batch with the result of their key, and the last of them with the rest of its
   * keys. Answers whether callers are left. From the first miss on it resumes all callers. Lookups share a batch only if their
   * callers resume in the same turn of the event loop.
   */
  deliver(count: number, resultAt: (place: number) => TierResult<A>): boolean {
    const { listeners, numbers, places } = this
    const results: Array<TierResult<A>> = []
    let end = this.delivered + count
    let last: ReadListener<A> | undefined
    while (this.delivered < listeners.length) {
      const i = this.delivered
      const listener = listeners[i]
      if (i >= end && listener !== last) return true
      this.delivered++
      last = listener
      const place = places[i] ?? 0
      const result = results[place] ?? resultAt(place)
      results[place] = result
      if (end < listeners.length && freshOf(result) === undefined) end = listeners.length
      listener?.onResult(result, numbers[i] ?? 0)
    }
    return false
  }
}

/** the number of the last `PendingReads` of the process */
let lastNumber = 0

/**
 * The reads that are requested until the first of their commands is sent: each key once, in as many batches as needed.
 *
 * @since 0.1.0
 * @category models
 */
export class PendingReads<A> {
  readonly batches: Array<ReadBatch<A>> = []
  private readonly number = ++lastNumber
  private keyCount = 0

  /** Adds a read. Answers the batch that it started, if any: the caller must send it. */
  join(key: CacheKey, listener: ReadListener<A>, number: number, start: () => ReadBatch<A>): ReadBatch<A> | undefined {
    // the key holds its place, so that no map of the keys is needed
    const isNew = key.pendingNumber !== this.number
    if (isNew) {
      key.pendingNumber = this.number
      key.place = this.keyCount++
    }
    const started = key.place === this.batches.length * maxKeys ? start() : undefined
    if (started !== undefined) this.batches.push(started)
    const batch = this.batches[Math.floor(key.place / maxKeys)]
    if (isNew) batch?.keys.push(key.text)
    batch?.join(key.place % maxKeys, listener, number)
    return started
  }
}
