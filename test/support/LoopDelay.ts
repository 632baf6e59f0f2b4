/** Measures how long the event loop of this process stands still, as on a machine that others keep busy. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface LoopDelay {
  /** for how long the loop has stood still so far, in milliseconds; a difference of two is that of the time between */
  readonly totalMillis: () => number
}

const beatMillis = 10

/** Measures as long as the scope is open. */
export const measure: Effect.Effect<LoopDelay, never, Scope.Scope> = Effect.gen(function* () {
  let total = 0
  let last = performance.now()
  /** A beat that is late by less than a beat is no stall. */
  const late = (now: number): number => (now - last > 2 * beatMillis ? now - last - beatMillis : 0)
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      setInterval(() => {
        const now = performance.now()
        total += late(now)
        last = now
      }, beatMillis)
    ),
    (timer) => Effect.sync(() => clearInterval(timer))
  )
  return { totalMillis: () => total + late(performance.now()) }
})
