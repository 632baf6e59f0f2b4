/**
 * Summarizes many durations. It counts them in buckets of equal ratio: noting one is an addition, and a summary is right to
 * a fifth.
 *
 * @since 0.1.0
 */

/**
 * All in milliseconds, since the start. `p50` and `p99` are upper bounds that lie at most 19 % above the true value.
 *
 * @since 0.1.0
 * @category models
 */
export interface Latency {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LatencyHistogram {
  /** `times` that took `millis` each; default once */
  readonly note: (millis: number, times?: number) => void
  readonly summary: () => Latency
}

/** The upper end of the first bucket; the last one then ends after a year. */
const smallestMillis = 0.001
const bucketsPerDoubling = 4
const bucketCount = bucketsPerDoubling * 45

/**
 * A histogram without durations. `onNote` receives each duration too.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (onNote: LatencyHistogram["note"] = () => {}): LatencyHistogram => {
  const buckets = new Array<number>(bucketCount).fill(0)
  let count = 0
  let total = 0
  let max = 0

  const quantile = (share: number): number => {
    const rank = Math.ceil(share * count)
    let seen = 0
    for (const [i, times] of buckets.entries()) {
      seen += times
      if (seen >= rank) return Math.min(max, smallestMillis * 2 ** (i / bucketsPerDoubling))
    }
    return max
  }

  return {
    note: (millis, times = 1) => {
      const bucket = Math.ceil(bucketsPerDoubling * Math.log2(Math.max(millis, smallestMillis) / smallestMillis))
      const index = Math.min(bucket, bucketCount - 1)
      buckets[index] = (buckets[index] ?? 0) + times
      count += times
      total += millis * times
      max = Math.max(max, millis)
      onNote(millis, times)
    },
    summary: () =>
      count === 0
        ? { count: 0, mean: 0, p50: 0, p99: 0, max: 0 }
        : { count, mean: total / count, p50: quantile(0.5), p99: quantile(0.99), max }
  }
}

/**
 * The time since `started`, both as a Clock's nanoseconds, in milliseconds.
 *
 * @since 0.1.0
 * @category getters
 */
export const millisBetween = (started: bigint, ended: bigint): number => Number(ended - started) / 1e6
