/**
 * A bounded map of the most recently used keys, at almost no cost for each use.
 *
 * @internal
 */

/**
 * Holds at least the last `capacity` keys, and at most twice as many. A full young generation becomes the old one, which
 * drops out at the next change. A key of the old generation returns to the young one when it is read.
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
