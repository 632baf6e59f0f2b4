/**
 * Invalidations that Redis has not surely taken, bounded: what enters beyond the capacity becomes one clear of all.
 *
 * @since 0.1.0
 */

/**
 * A key, or everything.
 *
 * @since 0.1.0
 * @category models
 */
export type OutboxItem = { readonly _tag: "Key"; readonly key: string } | { readonly _tag: "Clear" }

/**
 * Synchronous, so that entering an item is one step with the end of the write that failed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outbox {
  readonly add: (item: OutboxItem) => void
  readonly has: (key: string) => boolean
  readonly hasClear: () => boolean
  readonly size: () => number
  /** what waits now, each with the number of its last addition */
  readonly items: () => ReadonlyArray<readonly [OutboxItem, number]>
  /** Removes an item unless it was added again since `addition`. */
  readonly acknowledge: (item: OutboxItem, addition: number) => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (capacity: number): Outbox => {
  const keys = new Map<string, number>()
  let clear: number | undefined
  let additions = 0
  return {
    add: (item) => {
      additions++
      if (item._tag === "Clear") {
        clear = additions
      } else if (clear !== undefined && keys.size === 0) {
        // the clear that waits covers it, and must now be acknowledged after this addition
        clear = additions
      } else if (keys.has(item.key) || keys.size < capacity) {
        keys.set(item.key, additions)
      } else {
        keys.clear()
        clear = additions
      }
    },
    has: (key) => clear !== undefined || keys.has(key),
    hasClear: () => clear !== undefined,
    size: () => keys.size + (clear === undefined ? 0 : 1),
    items: () => [
      ...(clear === undefined ? [] : [[{ _tag: "Clear" } as const, clear] as const]),
      ...Array.from(keys, ([key, addition]) => [{ _tag: "Key", key } as const, addition] as const)
    ],
    acknowledge: (item, addition) => {
      if (item._tag === "Clear") {
        if (clear === addition) clear = undefined
      } else if (keys.get(item.key) === addition) {
        keys.delete(item.key)
      }
    }
  }
}
