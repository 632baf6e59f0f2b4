/** Stalls of the process: the event loop stands still while time passes and replies arrive. */
import * as Effect from "effect/Effect"

/** Computes for so long without a pause, once what was called before has left. */
export const stall = (millis: number): Effect.Effect<void> =>
  Effect.promise(async () => {
    // commands of one turn leave at the end of its microtasks
    for (let turn = 0; turn < 10; turn++) await null
    const end = performance.now() + millis
    while (performance.now() < end);
  })

/** Runs an effect, and computes as soon as it waits. */
export const during = <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.map(Effect.all([effect, stall(millis)], { concurrency: "unbounded" }), ([answer]) => answer)
