/**
 * Waiting for something to become true, whatever the clock of the test: a real pause lets sockets and fibers continue, also
 * under a TestClock that stands still.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"

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

/**
 * Lets time pass, and what falls due in it be done. TestClock stops at each sleep that ends on the way, so one adjustment is
 * as exact as many small ones, of which each costs ten milliseconds.
 */
export const pass = (duration: Duration.DurationInput): Effect.Effect<void> =>
  Effect.zipRight(TestClock.adjust(duration), settle)
