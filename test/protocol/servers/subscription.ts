/** The channel of a cache, as one process hears it. */

/** What a subscription delivers. `number` counts them, so that it can be said up to where a process has heard. */
export type BusEvent<M> =
  | { readonly _tag: "Message"; readonly number: number; readonly message: M }
  | { readonly _tag: "Gap"; readonly number: number }

export class Subscription<M> {
  connected = true
  /** the server that it is connected to */
  node = 0
  count = 0
  heard = 0
  inbox: Array<BusEvent<M>> = []

  readonly push = (message: M): void => {
    if (this.connected) this.inbox.push({ _tag: "Message", number: ++this.count, message })
  }
  readonly end = (): void => {
    this.connected = false
    this.inbox = []
  }
  readonly resubscribe = (node: number): void => {
    this.connected = true
    this.node = node
    this.inbox.push({ _tag: "Gap", number: ++this.count })
  }
  /** The number of the event by which everything published so far has been heard of. */
  readonly horizon = (): number => (this.connected ? this.count : this.count + 1)
}
