/**
 * First in, first out, for values that are never undefined; taking is constant time.
 *
 * @internal
 */
export class Fifo<A> {
  private items: Array<A> = []
  private head = 0
  get length(): number {
    return this.items.length - this.head
  }
  push(item: A): void {
    this.items.push(item)
  }
  peek(): A | undefined {
    return this.items[this.head]
  }
  shift(): A | undefined {
    const item = this.items[this.head]
    if (item === undefined) return undefined
    this.head++
    if (this.head === this.items.length) {
      this.items = []
      this.head = 0
    } else if (this.head >= 1024 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return item
  }
  takeAll(): ReadonlyArray<A> {
    const rest = this.head === 0 ? this.items : this.items.slice(this.head)
    this.items = []
    this.head = 0
    return rest
  }
}
