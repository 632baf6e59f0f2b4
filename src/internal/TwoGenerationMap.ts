/**
 * What was made of the texts that were asked for last: a memory that costs next to nothing to keep in order.
 *
 * @internal
 */

/**
 * Remembers at least the last `capacity` texts and at most twice as many, in two generations: when the young one is full,
 * it becomes the old one, whose texts come back when they are asked for.
 */
export class TwoGenerationMap<A> {
  private young = new Map<string, A>()
  private old = new Map<string, A>()

  constructor(private readonly capacity: number) {}

  get(text: string): A | undefined {
    const young = this.young.get(text)
    if (young !== undefined) return young
    const old = this.old.get(text)
    if (old !== undefined) this.set(text, old)
    return old
  }

  set(text: string, made: A): void {
    if (this.young.size >= this.capacity) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(text, made)
  }
}
