/**
 * The invalidations of a cache that lives in one process. Nothing is unheard of here, so that a load knows exactly what has
 * overtaken it: its key, one of its tags, or everything.
 *
 * @since 0.2.0
 */
import * as Epochs from "./Epochs.js"
import type { LocalInvalidation } from "./LocalInvalidation.js"
import type { OutboxItem } from "./outage/Outbox.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface ProcessInvalidation extends LocalInvalidation {
  /** A number for `isCurrent`, taken when a load begins: its tags are known only when it ends. */
  readonly start: () => number
  /** Whether neither the key, since it had the epoch, nor one of the tags, since `start`, was invalidated. */
  readonly isCurrent: (key: string, epoch: number, tags: ReadonlyArray<string>, start: number) => boolean
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (drop: (item: OutboxItem) => void): ProcessInvalidation => {
  const keys = Epochs.make()
  const tags = Epochs.make()
  return {
    epochOf: keys.of,
    invalidateLocally: (item) => {
      if (item._tag === "Key") keys.move(item.key)
      // loads of values without the tag are not concerned
      else if (item._tag === "Tag") tags.move(item.tag)
      else keys.moveAll()
      drop(item)
    },
    // the value stays until the refresh has a newer one: nothing else has it
    overtake: keys.move,
    start: tags.last,
    isCurrent: (key, epoch, names, start) => keys.of(key) === epoch && names.every((tag) => tags.of(tag) <= start)
  }
}
