/**
 * The clock of a server beside that of this machine, and how long it takes to answer.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as ServerTime from "../../redis/ServerTime.js"
import * as Percentile from "../frame/Percentile.js"
import type { Finding } from "./Finding.js"
import type { Server } from "./Server.js"

/** How far a server's clock is ahead, and by how much that may be wrong, both in milliseconds. */
export interface ClockOffset {
  readonly server: string
  readonly offset: number
  readonly uncertainty: number
}

const samples = 7

/** The sample with the shortest round trip says most, as in NTP (RFC 5905, section 10). */
export const clockOffset = ({ address, send }: Server): Effect.Effect<ClockOffset | undefined, RedisError> =>
  Effect.gen(function* () {
    let best: ClockOffset | undefined
    for (let i = 0; i < samples; i++) {
      const before = yield* Clock.currentTimeMillis
      const start = yield* MonotonicClock.millis
      const time = ServerTime.millisOf(yield* send("TIME"))
      const roundTrip = (yield* MonotonicClock.millis) - start
      if (time === undefined) return undefined
      // the local clock counts whole milliseconds
      const uncertainty = roundTrip / 2 + 1
      if (best === undefined || uncertainty < best.uncertainty) {
        best = { server: address, offset: time - before - roundTrip / 2, uncertainty }
      }
    }
    return best
  })

/** Clocks that NTP keeps agree far better. */
const worryingMillis = 1000

const seconds = (millis: number): string => `${(Math.abs(millis) / 1000).toFixed(1)} s`

const synchronise = "let NTP set both clocks: chronyc tracking, or timedatectl, on this machine and on the server's"

export const clock = ({ offset, server, uncertainty }: ClockOffset): Finding => {
  const finding = { check: "clock", server } as const
  const distance = `${seconds(offset)} ${offset > 0 ? "ahead of" : "behind"} this machine's`
  if (Math.abs(offset) - uncertainty < worryingMillis) {
    return {
      ...finding,
      level: "ok",
      message: `within ${Math.ceil(Math.abs(offset) + uncertainty)} ms of this machine's`
    }
  }
  return {
    ...finding,
    level: "warning",
    message:
      `the server's clock is ${distance}: values, locks and limits go by the server's clock and stay right, ` +
      "but its logs, and times that the application compares, do not fit",
    remedy: synchronise
  }
}

/** The clocks of several servers: a failover from one to another moves the time of what they keep. */
export const clocksOfCluster = (offsets: ReadonlyArray<ClockOffset>): ReadonlyArray<Finding> => {
  const sorted = [...offsets].sort((one, other) => one.offset - other.offset)
  const [first, last] = [sorted[0], sorted[sorted.length - 1]]
  if (first === undefined || last === undefined || sorted.length < 2) return []
  const apart = last.offset - first.offset
  return apart - first.uncertainty - last.uncertainty < worryingMillis
    ? []
    : [
        {
          check: "clock",
          level: "error",
          message:
            `the clocks of ${first.server} and ${last.server} are ${seconds(apart)} apart: a cache whose markers and entries ` +
            "lie on both looks values up that it holds",
          remedy: "let NTP set the clocks of all servers: chronyc tracking, or timedatectl, on each of them"
        }
      ]
}

const pings = 200

/** The median of a server in the same data centre is far below. */
const farMillis = 5
/** One call in a hundred that takes so long is felt. */
const slowMillis = 50

const shown = (millis: number): string => `${millis.toFixed(2)} ms`

export const latency = ({ address, send }: Server): Effect.Effect<Finding, RedisError> =>
  Effect.gen(function* () {
    const took: Array<number> = []
    for (let i = 0; i < pings; i++) {
      const start = yield* MonotonicClock.millis
      yield* send("PING")
      took.push((yield* MonotonicClock.millis) - start)
    }
    took.sort((one, other) => one - other)
    const [p50, p90, p99] = [Percentile.of(took, 0.5), Percentile.of(took, 0.9), Percentile.of(took, 0.99)]
    const finding = {
      check: "latency",
      server: address,
      message: `PING: p50 ${shown(p50)}, p90 ${shown(p90)}, p99 ${shown(p99)}, max ${shown(took[took.length - 1] ?? 0)}`
    } as const
    if (p50 > farMillis) {
      return {
        ...finding,
        level: "warning",
        remedy: "run the application in the data centre of the server, and give hot caches a local tier"
      }
    }
    return p99 > slowMillis
      ? {
          ...finding,
          level: "warning",
          remedy: "look at SLOWLOG GET for commands that block the server, at its CPU, and at swapping or huge pages"
        }
      : { ...finding, level: "ok" }
  })
