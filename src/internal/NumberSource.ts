/**
 * Random numbers without a step of the runtime, for paths where that step is felt.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Utils from "effect/Utils"

/**
 * Makes a function that answers numbers from 0 to 1. Its seed comes from `Random`, so that a test that decides about `Random`
 * decides about these numbers.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make: Effect.Effect<() => number> = Effect.map(Random.nextInt, (seed) => {
  const generator = new Utils.PCGRandom(seed)
  return () => generator.number()
})
