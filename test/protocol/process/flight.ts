/** Flights: the loads that the callers of a key share. */
import type { Entry, Key } from "../servers/server.js"
import { close, fromMemory, LookupFailed, load } from "./load.js"
import type { Flight, LoadOutcome, Process } from "./process.js"
import { pause, type Step } from "./step.js"

/** The cache itself is the caller of a background refresh, and never leaves. */
export const refresh = (process: Process, key: Key, seen: Entry): void => {
  if (!process.flights.has(flightId(process, key))) join(process, key, seen.created, false)
}

const flightId = (process: Process, key: Key): string =>
  process.world.rules.has("flightPerEpoch") ? `${key}@${process.epochOf(key)}` : key

type FlightResult = LoadOutcome & { readonly late: boolean }

export function* joinFlight(process: Process, key: Key, newerThan: number, alone: boolean): Step<FlightResult> {
  const flight = join(process, key, newerThan, alone)
  const position = flight.joined - 1
  try {
    const wait = { what: `flight of ${key}`, ready: () => answerOf(process, flight, position) !== undefined }
    yield* process.keep([flight, position], pause(wait))
    const outcome = answerOf(process, flight, position) ?? { _tag: "Stopped" }
    return { ...outcome, late: outcome._tag === "Value" && position >= outcome.joinedBefore }
  } finally {
    leave(process, flight, position)
  }
}

/** What a caller may have by now: the outcome, or before it the value of the lookup. */
const answerOf = (process: Process, { lookedUp, outcome }: Flight, position: number): LoadOutcome | undefined => {
  const { rules } = process.world
  if (outcome !== undefined || lookedUp === undefined || !rules.has("earlyCallersSkipFill")) return outcome
  if (!rules.has("lateCallersAwaitFill")) return { ...lookedUp, joinedBefore: Number.POSITIVE_INFINITY }
  return position < lookedUp.joinedBefore ? lookedUp : undefined
}

const leave = (process: Process, flight: Flight, position: number): void => {
  const { rules, stop } = process.world
  flight.callers--
  if (flight.outcome !== undefined || flight.task === undefined) return
  if (flight.lookedUp !== undefined && rules.has("fillOutlivesCallers")) return
  const ends = flight.callers === 0 ? rules.has("lastCallerStops") : position === 0 && !rules.has("callersOnlyAwait")
  if (!ends) return
  stop(flight.task)
  close(process, flight)
  flight.outcome = { _tag: "Stopped" }
}

const join = (process: Process, key: Key, newerThan: number, alone: boolean): Flight => {
  const { rules, spawn } = process.world
  const epoch = process.epochOf(key)
  const id = flightId(process, key)
  const present = alone || !rules.has("oneFlight") ? undefined : process.flights.get(id)
  if (present !== undefined) {
    present.joined++
    present.callers++
    return present
  }
  const flight: Flight = {
    key,
    id,
    epoch,
    token: process.newToken("flight"),
    alone,
    newerThan,
    joined: 1,
    callers: 1,
    task: undefined,
    lookedUp: undefined,
    outcome: undefined
  }
  if (!alone) process.flights.set(id, flight)
  flight.task = spawn(process, `flight ${flight.token} of ${key}`, "own", run(process, flight))
  return flight
}

function* run(process: Process, flight: Flight): Step<void> {
  process.tokens.add(flight.token)
  try {
    const outcome = yield* process.keep([flight], load(process, flight))
    close(process, flight)
    flight.outcome = outcome
  } catch (error) {
    if (!(error instanceof LookupFailed)) throw error
    close(process, flight)
    const remembered = process.world.rules.has("memoryOnlyWhileAway") ? undefined : fromMemory(process, flight)
    flight.outcome = remembered ?? { _tag: "Failed" }
  } finally {
    process.tokens.delete(flight.token)
  }
}
