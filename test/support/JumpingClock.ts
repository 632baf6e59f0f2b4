/** A wall clock that a test sets back and forth. Monotonic time passes as on the clock below. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export interface JumpingClock {
  readonly clock: Clock.Clock
  /** Sets the wall clock by so many milliseconds. */
  readonly jump: (millis: number) => Effect.Effect<void>
}

const hour = 3_600_000

/** Over the clock of the fiber. A TestClock is still adjusted through it. */
const make: Effect.Effect<JumpingClock> = Effect.map(Effect.clock, (below) => {
  let ahead = 0
  const wall = () => below.unsafeCurrentTimeMillis() + ahead
  const clock: Clock.Clock = Object.create(below, {
    unsafeCurrentTimeMillis: { value: wall },
    currentTimeMillis: { value: Effect.sync(wall) },
    unsafeCurrentTimeNanos: { value: () => below.unsafeCurrentTimeNanos() },
    currentTimeNanos: { value: Effect.sync(() => below.unsafeCurrentTimeNanos()) },
    sleep: { value: (duration: Parameters<Clock.Clock["sleep"]>[0]) => below.sleep(duration) }
  })
  return {
    clock,
    jump: (millis) =>
      Effect.sync(() => {
        ahead += millis
      })
  }
})

/** Runs a body once with a jump of an hour ahead and once with one back. `steady` is the clock without them. */
export const eachWay = <E, R>(
  body: (jump: Effect.Effect<void>, steady: Clock.Clock) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R> =>
  Effect.flatMap(Effect.clock, (steady) =>
    Effect.forEach(
      [hour, -hour],
      (by) => Effect.flatMap(make, ({ clock, jump }) => Effect.withClock(body(jump(by), steady), clock)),
      { discard: true }
    )
  )
