/**
 * The creation times of entries whose markers lie on another server (docs/protocol.md, "Which command goes where"). A time that
 * is too low costs a lookup. It is never too high, since a clear would then not reach the entry.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { type RedisError, RedisUnavailable } from "../../redis/RedisError.js"
import * as MarkerClock from "./MarkerClock.js"
import type { NodeOutages } from "./NodeOutages.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface CreationTime {
  /** Asks for the time of a load, with the command that takes its lease. */
  readonly ask: MarkerClock.MarkerClock["ask"]
  /** The creation time of a value that is written now. Fails where the markers cannot be read. */
  readonly ofWrite: Effect.Effect<number, RedisError>
}

/** For how long an answer of the markers' server bounds its time: longer, and a clock that was set back would be missed. */
const boundMillis = 1000

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: {
  readonly markerClock: MarkerClock.MarkerClock
  readonly outages: Pick<NodeOutages, "markerGeneration">
  /** the clear marker as last seen */
  readonly floor: () => number
  readonly clock: Clock.Clock
}): CreationTime => {
  const { clock, floor, markerClock, outages } = options
  const unavailable = Effect.fail(new RedisUnavailable({ reason: "Disconnected" }))
  return {
    ask: markerClock.ask,
    ofWrite: Effect.suspend((): Effect.Effect<number, RedisError> => {
      const generation = outages.markerGeneration()
      if (generation === undefined) return unavailable
      const last = markerClock.lastOf(generation)
      const at = MonotonicClock.unsafeMillis(clock)
      if (last !== undefined && at - last.receivedAt <= boundMillis) {
        return Effect.succeed(Math.max(Math.floor(MarkerClock.lowerAt(last, at)), floor() + 1))
      }
      return Effect.flatMap(markerClock.query, (answer) =>
        answer.generation === outages.markerGeneration() ? Effect.succeed(MarkerClock.createdOf(answer)) : unavailable
      )
    })
  }
}
