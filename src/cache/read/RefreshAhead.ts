/**
 * When a fresh value is refreshed before its end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/**
 * `after` a share of its time to live, or with a probability that grows towards the end, the more so the longer lookups
 * take and the larger `beta` is (1 is the optimum of the paper: A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal
 * Probabilistic Cache Stampede Prevention", VLDB 2015).
 *
 * @since 0.1.0
 * @category models
 */
export type RefreshAhead = { readonly after: number } | { readonly beta: number }

/**
 * Whether a value of that age is to be refreshed now. All times in milliseconds; `lookupTakes` is the paper's delta.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isDue = (
  refreshAhead: RefreshAhead,
  age: number,
  timeToLive: number,
  lookupTakes: () => number
): Effect.Effect<boolean> =>
  "after" in refreshAhead
    ? Effect.succeed(age >= refreshAhead.after * timeToLive)
    : Effect.map(Random.next, (random) => age - lookupTakes() * refreshAhead.beta * Math.log(random) >= timeToLive)
