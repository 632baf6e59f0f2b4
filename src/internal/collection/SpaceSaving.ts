/**
 * Counts the most frequent keys of a stream in bounded memory.
 *
 * This is Space-Saving of Metwally, Agrawal and El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data
 * Streams" (ICDT 2005). A new key takes the place of the key with the least count, and its count from there. A count is
 * therefore never too low, and too high by at most its error. A key with more than 1/capacity of all notes is always kept.
 *
 * @since 0.2.0
 */

/**
 * @since 0.2.0
 * @category models
 */
export interface FrequentKey {
  readonly key: string
  /** at least as often as the key was noted */
  readonly count: number
  /** the count is too high by at most this */
  readonly error: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface SpaceSaving {
  /** The key has occurred `times` times: default once. */
  readonly note: (key: string, times?: number) => void
  /** The keys with the highest counts, in descending order. */
  readonly top: (limit: number) => ReadonlyArray<FrequentKey>
}

interface Counter {
  key: string
  count: number
  error: number
}

/**
 * Keeps `capacity` keys. A note of a key that is not kept looks at all of them, which the sampling of the caller makes rare.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (capacity: number): SpaceSaving => {
  const counters = new Map<string, Counter>()
  const least = (): Counter | undefined => {
    let found: Counter | undefined
    for (const counter of counters.values()) if (found === undefined || counter.count < found.count) found = counter
    return found
  }
  return {
    note: (key, times = 1) => {
      const counter = counters.get(key)
      if (counter !== undefined) {
        counter.count += times
        return
      }
      const replaced = counters.size < capacity ? undefined : least()
      if (replaced === undefined) {
        counters.set(key, { key, count: times, error: 0 })
        return
      }
      counters.delete(replaced.key)
      counters.set(key, { key, count: replaced.count + times, error: replaced.count })
    },
    top: (limit) =>
      Array.from(counters.values())
        .sort((left, right) => right.count - left.count)
        .slice(0, limit)
        .map((counter) => ({ ...counter }))
  }
}
