/**
 * Waiting for something to become true, whatever the clock of the test: a real pause lets sockets and fibers continue, also
 * under a TestClock that stands still.
 */
import * as Effect from "effect/Effect"

const pause = Effect.async<void>((resume) => {
  setTimeout(() => resume(Effect.void), 1)
})

/** Dies when it has not come to it after many looks, a matter of ten seconds and more. */
export const until = <E = never, R = never>(
  what: string,
  condition: () => boolean | Effect.Effect<boolean, E, R>
): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    for (let looks = 0; looks < 10_000; looks++) {
      const holds = condition()
      if (typeof holds === "boolean" ? holds : yield* holds) return
      yield* pause
    }
    return yield* Effect.dieMessage(`it never came to this: ${what}`)
  })

/** Lets everything run that can, until nothing does but what waits for a clock that stands still. */
export const settle: Effect.Effect<void> = Effect.repeatN(pause, 5)
