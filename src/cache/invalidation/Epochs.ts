/**
 * A number per key that moves with every invalidation, set and message of the key. A read compares the numbers from before
 * and after, and so knows whether its value is still current.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface Epochs {
  readonly of: (key: string) => number
  readonly move: (key: string) => void
  readonly moveAll: () => void
}

/**
 * Keeps a number for the last `capacity` keys that moved. Beyond them all keys move: some reads are then not kept in the
 * local tier, and nothing else is lost.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (capacity = 10_000): Epochs => {
  const moved = new Map<string, number>()
  // one sequence for all keys, so that no number is used twice
  let sequence = 0
  let all = 0
  return {
    // in most caches no key moves between two reads
    of: (key) => (moved.size === 0 ? all : (moved.get(key) ?? all)),
    move: (key) => {
      moved.set(key, ++sequence)
      if (moved.size <= capacity) return
      moved.clear()
      all = ++sequence
    },
    moveAll: () => {
      moved.clear()
      all = ++sequence
    }
  }
}
