/**
 * A bounded map that evicts by SIEVE (Zhang et al., "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm
 * for Web Caches", NSDI 2024). A hit sets a flag and moves nothing, which costs a third of a hit of an LRU. Items that are
 * never read again are evicted first, so that a scan does not evict the hot ones.
 *
 * @since 0.1.0
 */

/**
 * An item of the map. Subclasses hold the value, so that an entry is one object. `size` counts against `maxSize`.
 *
 * @since 0.1.0
 * @category models
 */
export abstract class Item {
  /** read since the hand last passed */
  visited = false
  /** towards the newest */
  newer: this | undefined
  /** towards the oldest */
  older: this | undefined

  constructor(
    readonly name: string,
    readonly size: number
  ) {}
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<A extends Item> {
  /** the most items */
  readonly capacity: number
  /** the most of all sizes together: default unlimited */
  readonly maxSize?: number | undefined
  /** Called for each item that leaves the map, evicted or not. */
  readonly onRemoved: (item: A, isEvicted: boolean) => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export class Sieve<A extends Item> {
  private readonly items = new Map<string, A>()
  private newest: A | undefined
  private oldest: A | undefined
  /** where the search for the next eviction continues */
  private hand: A | undefined
  private total = 0

  constructor(private readonly options: Options<A>) {}

  get count(): number {
    return this.items.size
  }

  /** the sizes of all items together */
  get size(): number {
    return this.total
  }

  get(name: string): A | undefined {
    const item = this.items.get(name)
    if (item !== undefined) item.visited = true
    return item
  }

  /** Adds an item in place of the one with its name. False for an item that is too large alone: then none has the name. */
  add(item: A): boolean {
    this.delete(item.name)
    const { capacity, maxSize = Number.POSITIVE_INFINITY } = this.options
    if (item.size > maxSize || capacity < 1) return false
    while (this.items.size >= capacity || this.total + item.size > maxSize) this.evict()
    this.items.set(item.name, item)
    this.total += item.size
    item.older = this.newest
    if (this.newest === undefined) this.oldest = item
    else this.newest.newer = item
    this.newest = item
    return true
  }

  delete(name: string): void {
    const item = this.items.get(name)
    if (item !== undefined) this.remove(item, false)
  }

  clear(): void {
    for (const item of this.items.values()) this.options.onRemoved(item, false)
    this.items.clear()
    this.newest = undefined
    this.oldest = undefined
    this.hand = undefined
    this.total = 0
  }

  private evict(): void {
    let candidate = this.hand ?? this.oldest
    while (candidate?.visited === true) {
      candidate.visited = false
      candidate = candidate.newer ?? this.oldest
    }
    if (candidate === undefined) return
    this.hand = candidate
    this.remove(candidate, true)
  }

  private remove(item: A, isEvicted: boolean): void {
    const { newer, older } = item
    if (this.hand === item) this.hand = newer
    if (newer === undefined) this.newest = older
    else newer.older = older
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    item.newer = undefined
    item.older = undefined
    this.items.delete(item.name)
    this.total -= item.size
    this.options.onRemoved(item, isEvicted)
  }
}
