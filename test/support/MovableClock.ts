/** A clock that a test moves ahead at once. Sleeps take their real time, so that nothing that runs waits for the test. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export interface MovableClock extends Clock.Clock {
  readonly move: (seconds: number) => void
}

export const make = (start: number): MovableClock => {
  const live = Clock.make()
  let ahead = start - live.unsafeCurrentTimeMillis()
  const millis = () => live.unsafeCurrentTimeMillis() + ahead
  const nanos = () => live.unsafeCurrentTimeNanos() + BigInt(Math.round(ahead)) * 1_000_000n
  return Object.assign(Object.create(live) as Clock.Clock, {
    unsafeCurrentTimeMillis: millis,
    currentTimeMillis: Effect.sync(millis),
    unsafeCurrentTimeNanos: nanos,
    currentTimeNanos: Effect.sync(nanos),
    move: (seconds: number) => {
      ahead += seconds * 1000
    }
  })
}
