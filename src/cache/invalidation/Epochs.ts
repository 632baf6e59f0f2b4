/**
 * A number per key that moves with every invalidation, set and message that names the key: who remembers it before a
 * read knows afterwards whether something happened meanwhile.
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
 * Keeps a number for the last `capacity` keys that moved. When more have, all keys move, which costs some reads their
 * place in the local tier and nothing else.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (capacity = 10_000): Epochs => {
  const moved = new Map<string, number>()
  // one sequence for all, so that no number comes twice
  let sequence = 0
  let all = 0
  return {
    // most caches forget nothing between two reads
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
