/**
 * The effect of an invalidation in this process: epochs move, and local entries are dropped (rules 1 and 6 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Epochs from "./Epochs.js"
import type { OutboxItem } from "./outage/Outbox.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalInvalidation {
  /** The epoch of a key. A value read under an earlier epoch is not kept. */
  readonly epochOf: (key: string) => number
  /** Moves the epochs of the item's keys and drops the item from the local tier, in one step. */
  readonly invalidateLocally: (item: OutboxItem) => void
  /** Makes the loads of a key that run now keep nothing, before a refresh that reads the source anew. */
  readonly overtake: (key: string) => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (dropLocal: (item: OutboxItem) => void): LocalInvalidation => {
  const epochs = Epochs.make()
  const invalidateLocally: LocalInvalidation["invalidateLocally"] = (item) => {
    if (item._tag === "Key") epochs.move(item.key)
    // the tags of a key that is being loaded are not known yet
    else epochs.moveAll()
    dropLocal(item)
  }
  return {
    epochOf: epochs.of,
    invalidateLocally,
    // Redis still has the value for other callers
    overtake: (key) => invalidateLocally({ _tag: "Key", key })
  }
}
