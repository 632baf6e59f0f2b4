/**
 * A clock for deadlines, pauses and ages: setting the system's clock does not change it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"

const origin = performance.timeOrigin
const live: Clock.Clock = Context.get(DefaultServices.liveServices, Clock.Clock)

/**
 * Reads the clock that only goes forward, in milliseconds with fractions. It starts at the system's time, and from then on
 * counts what has passed. A `TestClock` and any other clock are read by their nanoseconds.
 *
 * @since 0.1.0
 * @category time
 */
export const unsafeMillis = (clock: Clock.Clock): number =>
  // the live clock's nanoseconds are a bigint, and local hits read the time
  clock === live ? origin + performance.now() : Number(clock.unsafeCurrentTimeNanos()) / 1_000_000

/**
 * `unsafeMillis` of the clock in the fiber.
 *
 * @since 0.1.0
 * @category time
 */
export const millis: Effect.Effect<number> = Clock.clockWith((clock) => Effect.sync(() => unsafeMillis(clock)))
