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
  /** The number of the last move of any key. A key whose number is greater has moved since. */
  readonly last: () => number
  readonly move: (key: string) => void
  readonly moveAll: () => void
}

/** The stripe of a key: FNV-1a. */
const stripeOf = (key: string, stripes: number): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % stripes
}

/**
 * Keeps a number for each of so many groups of keys. A key moves with the others of its group: some reads are then not kept in
 * the local tier, and nothing else is lost. A process hears of every key that another one writes, and so keeps no text of it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (stripes = 8_192): Epochs => {
  let moved: Float64Array | undefined
  // one sequence for all keys, so that no number is used twice
  let sequence = 0
  let all = 0
  return {
    // in most caches no key moves between two reads
    of: (key) => (moved === undefined ? all : Math.max(all, moved[stripeOf(key, stripes)] ?? 0)),
    last: () => sequence,
    move: (key) => {
      moved ??= new Float64Array(stripes)
      moved[stripeOf(key, stripes)] = ++sequence
    },
    moveAll: () => {
      all = ++sequence
    }
  }
}
