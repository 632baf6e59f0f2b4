/**
 * Invalidations that Redis has not surely taken, bounded: what enters beyond the capacity becomes one clear of all.
 *
 * @since 0.1.0
 */

/**
 * A key, what has a tag, or everything.
 *
 * @since 0.1.0
 * @category models
 */
export type OutboxItem =
  | { readonly _tag: "Key"; readonly key: string }
  | { readonly _tag: "Tag"; readonly tag: string }
  | { readonly _tag: "Clear" }

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
  /** Whether one of the tags waits. */
  readonly hasTag: (tags: ReadonlyArray<string>) => boolean
  /** How many tags were acknowledged so far, and clears, which may stand for tags. */
  readonly tagsTaken: () => number
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
  const tags = new Map<string, number>()
  let clear: number | undefined
  let additions = 0
  let tagsTaken = 0
  const size = () => keys.size + tags.size

  const addTo = (waiting: Map<string, number>, name: string) => {
    if (clear !== undefined && size() === 0) {
      // the clear that waits covers it, and must now be acknowledged after this addition
      clear = additions
    } else if (waiting.has(name) || size() < capacity) {
      waiting.set(name, additions)
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
      else if (item._tag === "Key") addTo(keys, item.key)
      else addTo(tags, item.tag)
    },
    // it is empty nearly always
    has: (key) => clear !== undefined || (keys.size > 0 && keys.has(key)),
    hasClear: () => clear !== undefined,
    hasTag: (names) => tags.size > 0 && names.some((tag) => tags.has(tag)),
    tagsTaken: () => tagsTaken,
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
        tagsTaken++
      } else {
        const [waiting, name] = item._tag === "Key" ? ([keys, item.key] as const) : ([tags, item.tag] as const)
        if (waiting.get(name) !== addition) return
        waiting.delete(name)
        if (item._tag === "Tag") tagsTaken++
      }
    }
  }
}
