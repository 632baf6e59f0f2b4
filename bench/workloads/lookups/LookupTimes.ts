/**
 * What the times of lookups say, when several processes have noted them.
 */

/** Of which row, and when it began, in milliseconds. */
export type LookupTime = readonly [row: number, started: number]

const ascending = (lookups: ReadonlyArray<LookupTime>): ReadonlyArray<number> =>
  lookups.map(([, time]) => time).toSorted((a, b) => a - b)

/** The most lookups that began within one window. */
export const mostWithin = (windowMillis: number, lookups: ReadonlyArray<LookupTime>): number => {
  const started = ascending(lookups)
  let most = 0
  let first = 0
  for (let last = 0; last < started.length; last++) {
    while ((started[last] ?? 0) - (started[first] ?? 0) >= windowMillis) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

/** How many times a row had to be looked up: lookups of one row that overlap belong to one expiry. */
export const expiries = (lookupMillis: number, lookups: ReadonlyArray<LookupTime>): number => {
  let count = 0
  for (const ofRow of Map.groupBy(lookups, ([row]) => row).values()) {
    let until = Number.NEGATIVE_INFINITY
    for (const started of ascending(ofRow)) {
      if (started > until) count++
      until = Math.max(until, started + lookupMillis)
    }
  }
  return count
}
