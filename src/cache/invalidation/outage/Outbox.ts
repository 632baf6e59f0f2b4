/**
 * Invalidations that Redis has not acknowledged, up to a capacity. An overflow replaces them all by one clear.
 *
 * @since 0.1.0
 */

/**
 * A key, all entries with a tag, or everything.
 *
 * @since 0.1.0
 * @category models
 */
export type OutboxItem =
  | { readonly _tag: "Key"; readonly key: string }
  | { readonly _tag: "Tag"; readonly tag: string }
  | { readonly _tag: "Clear" }

/**
 * Synchronous, so that an item enters in the same step in which its write fails.
 *
 * @since 0.1.0
 * @category models
 */
export interface Outbox {
  readonly add: (item: OutboxItem) => void
  /** Whether the key, or a clear, is pending. */
  readonly has: (key: string) => boolean
  /** Whether one of the tags is pending. */
  readonly hasTag: (tags: ReadonlyArray<string>) => boolean
  /** The number of acknowledged tags so far, and of acknowledged clears, since a clear may stand for tags. */
  readonly tagsAcknowledged: () => number
  readonly size: () => number
  /** The pending items, each with the number of its last addition. */
  readonly items: () => ReadonlyArray<readonly [OutboxItem, number]>
  /** Removes an item, unless it was added again since `addition`. */
  readonly acknowledge: (item: OutboxItem, addition: number) => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (capacity: number): Outbox => {
  const keys = new Map<string, number>()
  const tags = new Map<string, number>()
  let clear: number | undefined
  let additions = 0
  let tagsAcknowledged = 0
  const size = () => keys.size + tags.size

  const addName = (pending: Map<string, number>, name: string) => {
    if (clear !== undefined && size() === 0) {
      // the pending clear covers it: only an acknowledgement of a clear that is sent after this addition counts
      clear = additions
    } else if (pending.has(name) || size() < capacity) {
      pending.set(name, additions)
    } else {
      keys.clear()
      tags.clear()
      clear = additions
    }
  }

  return {
    add: (item) => {
      additions++
      if (item._tag === "Clear") clear = additions
      else if (item._tag === "Key") addName(keys, item.key)
      else addName(tags, item.tag)
    },
    // almost always empty
    has: (key) => clear !== undefined || (keys.size > 0 && keys.has(key)),
    hasTag: (names) => tags.size > 0 && names.some((tag) => tags.has(tag)),
    tagsAcknowledged: () => tagsAcknowledged,
    size: () => size() + (clear === undefined ? 0 : 1),
    items: () => [
      ...(clear === undefined ? [] : [[{ _tag: "Clear" } as const, clear] as const]),
      ...Array.from(tags, ([tag, addition]) => [{ _tag: "Tag", tag } as const, addition] as const),
      ...Array.from(keys, ([key, addition]) => [{ _tag: "Key", key } as const, addition] as const)
    ],
    acknowledge: (item, addition) => {
      if (item._tag === "Clear") {
        if (clear !== addition) return
        clear = undefined
        tagsAcknowledged++
      } else {
        const [pending, name] = item._tag === "Key" ? ([keys, item.key] as const) : ([tags, item.tag] as const)
        if (pending.get(name) !== addition) return
        pending.delete(name)
        if (item._tag === "Tag") tagsAcknowledged++
      }
    }
  }
}
