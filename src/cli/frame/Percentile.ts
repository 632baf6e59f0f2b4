/**
 * Percentiles of times that were measured.
 *
 * @internal
 */

/** The value below which a share of sorted numbers lies; 0 where there are none. */
export const of = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.min(Math.ceil(share * sorted.length), sorted.length) - 1] ?? 0
