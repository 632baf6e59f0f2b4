/** Blocks the event loop while time passes and replies arrive. */
import * as Effect from "effect/Effect"

/** Blocks the event loop for this time, after the commands of this turn were sent. */
export const stall = (millis: number): Effect.Effect<void> =>
  Effect.promise(async () => {
    // commands of one turn leave at the end of its microtasks
    for (let turn = 0; turn < 10; turn++) await null
    const end = performance.now() + millis
    while (performance.now() < end);
  })

/** Runs an effect, and blocks the event loop as soon as the effect waits. */
export const during = <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.map(Effect.all([effect, stall(millis)], { concurrency: "unbounded" }), ([answer]) => answer)
