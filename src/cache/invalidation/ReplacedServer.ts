/**
 * Notices that the server which answers after an outage has a clock behind that of the last one, as after a failover that
 * Sentinel has decided. Entries that the last one has stamped would be younger than the clears and the outages of the new
 * clock. The clear marker is then raised beyond them (rule 18 of docs/protocol.md).
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import * as MarkerScripts from "../scripts/MarkerScripts.js"
import * as MarkerClock from "./MarkerClock.js"
import type { Markers } from "./Markers.js"
import type { OutageState, TimeAfterOutage } from "./outage/OutageWatch.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface ReplacedServer {
  /** Notes the clock of the server, as long as its generation is open. Sends nothing. */
  readonly noteClock: Effect.Effect<void>
  /** Raises the clear marker, if the clock that has answered after an outage is behind. Reads are closed meanwhile. */
  readonly raiseBehind: (answer: TimeAfterOutage) => Effect.Effect<void>
}

/** A time of a clock, which it showed between two times of the monotonic clock here. */
type ClockReading = Pick<MarkerClock.MarkerTime, "now" | "sentAt" | "receivedAt">

/** A server with another clock may be this much behind what was estimated of the last one. */
const aheadMillis = 1000

/** How wrong the estimate of a clock may be where no round trip has been measured. */
const unmeasured = Duration.seconds(1)

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: {
  readonly redis: Pick<RedisClient.Service, "getStatus" | "run" | "serverTime">
  readonly state: OutageState
  readonly markers: Pick<Markers, "floor" | "keys" | "replaceClear">
  /** for how long a marker outlives the entries that depend on it, in milliseconds */
  readonly markerMillis: number
}): ReplacedServer => {
  const { markers, redis, state } = options
  /** the answer of TIME at the end of the last outage: exact, and perhaps old */
  let answered: ClockReading | undefined
  /** the last estimate: young, and as exact as a round trip */
  let estimated: ClockReading | undefined

  const noteClock = Effect.gen(function* () {
    const { generation, latency } = yield* redis.getStatus
    // by now the estimate may be of the next server
    if (generation !== state.openGeneration) return
    const at = yield* MonotonicClock.millis
    const error = Duration.toMillis(Option.getOrElse(latency, () => unmeasured))
    estimated = { now: yield* redis.serverTime, sentAt: at - error, receivedAt: at + error }
  })

  /** The marker that the new clock needs, if it needs another one. */
  const neededMarker = ({ sentAt, serverTime }: TimeAfterOutage, at: number): number | undefined => {
    const floor = markers.floor()
    const readings = [answered, estimated].filter((reading) => reading !== undefined)
    if (readings.some((reading) => serverTime < MarkerClock.lowerAt(reading, sentAt))) {
      const upper = Math.min(...readings.map((reading) => MarkerClock.upperAt(reading, at)))
      return Math.max(upper + aheadMillis, floor + 1)
    }
    // after such a raise entries are created ahead of the clock, and would be younger than this outage
    return floor > serverTime ? floor + 1 : undefined
  }

  return {
    noteClock,
    raiseBehind: (answer) =>
      Effect.gen(function* () {
        const at = yield* MonotonicClock.millis
        const atLeast = neededMarker(answer, at)
        if (atLeast !== undefined) {
          const raised = redis.run(MarkerScripts.raise)({
            clear: markers.keys.clear,
            atLeast: Math.ceil(atLeast),
            keepMillis: 2 * options.markerMillis
          })
          // a read of an older entry would break P1: reads stay closed until the marker is raised
          markers.replaceClear(yield* Effect.retryOrElse(raised, Schedule.spaced("100 millis"), Effect.die))
        }
        answered = { now: answer.serverTime, sentAt: answer.sentAt, receivedAt: at }
        estimated = undefined
      })
  }
}
