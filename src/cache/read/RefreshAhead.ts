/**
 * Decides whether a fresh value is refreshed before it expires.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/**
 * Refreshes `after` a share of the time to live, or with a probability that grows towards its end. The probability grows
 * with the time that lookups take and with `beta`; 1 is the optimum of the paper (A. Vattani, F. Chierichetti,
 * K. Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015).
 *
 * @since 0.1.0
 * @category models
 */
export type RefreshAhead = { readonly after: number } | { readonly beta: number }

/**
 * Whether a value of this age is refreshed now. All times are in milliseconds; `lookupMillis` is the paper's delta.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isDue = (
  refreshAhead: RefreshAhead,
  age: number,
  timeToLive: number,
  lookupMillis: () => number
): Effect.Effect<boolean> =>
  "after" in refreshAhead
    ? Effect.succeed(age >= refreshAhead.after * timeToLive)
    : Effect.map(Random.next, (random) => age - lookupMillis() * refreshAhead.beta * Math.log(random) >= timeToLive)
