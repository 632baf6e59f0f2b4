/**
 * A bounded map that evicts by SIEVE (Zhang et al., "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm
 * for Web Caches", NSDI 2024). A hit sets a flag and moves nothing, which costs a third of a hit of an LRU. Items that are
 * never read again are evicted first, so that a scan does not evict the hot ones.
 *
 * The queue of the paper is the order of a `Map`, and its hand an iterator of that map. An iterator continues past deleted
 * keys, and to keys that were added meanwhile. So an item needs neither links nor its own name. Each field
 * less is memory of every entry, and a line of the processor's cache that a hit need not load.
 *
 * An iterator that rests keeps each table that its map has outgrown, with all that was in it. So none rests for more
 * additions than the map has items.
 *
 * @since 0.1.0
 */

/**
 * An item of the map. The items have the value themselves, so that an entry is one object. It is an interface, and no class
 * to extend: the fields of a subclass would be in a second object.
 *
 * @since 0.1.0
 * @category models
 */
export interface Item {
  /** read since the hand last passed; false at first */
  visited: boolean
  /** what counts against `maxSize` */
  readonly size: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<in A extends Item> {
  /** the most items */
  readonly capacity: number
  /** the most of all sizes together: default unlimited */
  readonly maxSize?: number | undefined
  /** Called for each item that leaves the map, evicted or not. */
  readonly onRemoved: (name: string, item: A, isEvicted: boolean) => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export class Sieve<A extends Item> {
  /** the oldest first */
  private readonly items = new Map<string, A>()
  /** the name of the item where the search for the next eviction continues; undefined where it starts at the oldest */
  private hand: string | undefined
  /** the names after the hand; undefined without a hand */
  private later: Iterator<string> | undefined
  /** the items that were added since the iterator moved */
  private added = 0
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
    // a write to what is in no cache of the processor costs more than the comparison
    if (item !== undefined && !item.visited) item.visited = true
    return item
  }

  /** Adds an item in place of the one with its name. False for an item that is too large alone: then none has the name. */
  add(name: string, item: A): boolean {
    this.delete(name)
    const { capacity, maxSize = Number.POSITIVE_INFINITY } = this.options
    if (item.size > maxSize || capacity < 1) return false
    while (this.items.size >= capacity || this.total + item.size > maxSize) this.evict()
    this.items.set(name, item)
    this.total += item.size
    if (++this.added > this.items.size) this.renew()
    return true
  }

  delete(name: string): void {
    const item = this.items.get(name)
    if (item !== undefined) this.remove(name, item, false)
  }

  clear(): void {
    for (const [name, item] of this.items) this.options.onRemoved(name, item, false)
    this.items.clear()
    this.hand = undefined
    this.later = undefined
    this.total = 0
  }

  private evict(): void {
    for (;;) {
      if (this.hand === undefined) this.start()
      const name = this.hand
      const item = name === undefined ? undefined : this.items.get(name)
      if (name === undefined || item === undefined) return
      if (!item.visited) {
        this.remove(name, item, true)
        return
      }
      item.visited = false
      this.advance()
    }
  }

  /** Moves the hand to the oldest item. */
  private start(): void {
    this.later = this.items.keys()
    this.advance()
  }

  /** Moves the hand to the next newer item, if there is one. */
  private advance(): void {
    const next = this.later?.next()
    this.hand = next === undefined || next.done === true ? undefined : next.value
    if (this.hand === undefined) this.later = undefined
    this.added = 0
  }

  /** Leaves the hand where it is, with an iterator of the present table. It takes a step for each addition, at most. */
  private renew(): void {
    const { hand } = this
    if (hand === undefined) return
    this.start()
    while (this.hand !== hand) this.advance()
  }

  private remove(name: string, item: A, isEvicted: boolean): void {
    if (name === this.hand) this.advance()
    this.items.delete(name)
    this.total -= item.size
    this.options.onRemoved(name, item, isEvicted)
  }
}
