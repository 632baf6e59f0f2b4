/** The load of a flight: the lease, the lookup under it, and the lookup without Redis. */

import type { Lookup } from "../promises.js"
import type { Outcome } from "../servers/connection.js"
import { type Acquired, acquire, fill, read, release, takeLease } from "../servers/keyCommands.js"
import { ensureMarkers, now } from "../servers/markerCommands.js"
import type { Entry, Key } from "../servers/server.js"
import type { Flight, LoadOutcome, Process } from "./process.js"
import { boundary, pause, Sleep, type Step } from "./step.js"
import { isAfter, readEntry } from "./trust.js"

/** The bound of a waiter: it has found the lease held this often. */
const bound = 2

/** How often Acquire may report a value that the flight then cannot read. */
const maxContradictions = 2

/** No caller joins it any more. */
export const close = (process: Process, flight: Flight): void => {
  if (process.flights.get(flight.id) === flight) process.flights.delete(flight.id)
}

export function* load(process: Process, flight: Flight): Step<LoadOutcome> {
  const { rules } = process.world
  const { key, token } = flight
  let newerThan = flight.newerThan
  let held = 0
  let contradictions = 0
  let unknown = 0
  let mayHoldLease = false
  try {
    const state = () => [newerThan, held, contradictions, unknown, mayHoldLease]
    for (;;) {
      if (!process.mayRead(key)) return yield* process.keep(state(), degraded(process, flight))
      const asked = process.world.time
      const joinedBefore = flight.joined
      mayHoldLease = true
      newerThan = Math.max(newerThan, process.distrustedUpTo(key))
      const { outcome, lease } = yield* process.keep(
        [...state(), asked, joinedBefore],
        acquireLease(process, key, token, newerThan)
      )
      const reply = process.usable(key, outcome)
      if (reply === undefined || lease === undefined) {
        // Acquire is idempotent, and may be repeated
        if (outcome._tag === "Unknown" && unknown++ === 0) continue
        return yield* process.keep(state(), degraded(process, flight))
      }
      const acquired = reply.value
      mayHoldLease = acquired._tag === "Granted"
      if (acquired._tag === "Value") {
        const judged = yield* process.keep(
          [...state(), asked, joinedBefore, acquired.entry.created],
          readEntry(process, key)
        )
        if (judged === undefined) return yield* process.keep(state(), degraded(process, flight))
        const { entry, isTrusted } = judged
        if (entry !== undefined && isTrusted && !process.isStale(entry)) {
          process.putLocal(entry, asked, flight.epoch)
          return { _tag: "Value", version: entry.version, source: "Redis", joinedBefore }
        }
        const created = entry?.created ?? 0
        newerThan = Math.max(newerThan, created)
        if (created < acquired.entry.created) {
          // it was invalidated in between, or reads lag behind scripts
          if (++contradictions > maxContradictions && rules.has("contradictionsEnd")) {
            return yield* process.keep(state(), degraded(process, flight))
          }
          yield* process.keep(state(), pause(boundary("pause")))
        }
        continue
      }
      if (acquired._tag === "Granted") {
        const result = yield* process.keep(state(), loadUnderLease(process, flight, lease))
        mayHoldLease = result.leaseIsLeft
        return result
      }
      if (held++ >= bound && rules.has("waitersHaveBound")) {
        const before = flight.joined
        const version = yield* process.keep([...state(), before], lookUp(flight, process, "bound"))
        return { _tag: "Value", version, source: "Lookup", joinedBefore: before }
      }
      yield* process.keep(state(), sleep(process, key))
    }
  } finally {
    if (mayHoldLease && rules.has("leaseReleased")) process.issue(release(key, token))
  }
}

/** What an entry that is filled under a lease needs: when it is created, and the generations that the fill must meet. */
interface Lease {
  readonly created: number
  readonly generation: string
  /** of the reply that has said when it is created, where that is another server's */
  readonly markersGeneration: string | undefined
}

interface Attempt {
  readonly outcome: Outcome<Acquired>
  readonly lease: Lease | undefined
}

function* acquireLease(process: Process, key: Key, token: string, newerThan: number): Step<Attempt> {
  const { rules } = process.world
  const floor = process.clearMarker
  if (process.isSeveral) return yield* acquireOnTwoNodes(process, key, token, newerThan)
  if (rules.has("acquireIsOneScript")) {
    return leased(yield* process.send(acquire(key, token, newerThan, floor)))
  }
  const found = yield* process.send(read(key))
  if (found._tag !== "Reply") return { outcome: found, lease: undefined }
  const entry = found.value
  if (entry !== undefined && !entry.stale && entry.created > newerThan) {
    return leased({ ...found, value: { _tag: "Value", entry } })
  }
  return leased(yield* process.send(takeLease(key, token, newerThan, floor)))
}

/** The lease of a reply whose server has also said when the entry is created. */
const leased = (outcome: Outcome<Acquired>): Attempt => {
  if (outcome._tag !== "Reply") return { outcome, lease: undefined }
  const { generation, value } = outcome
  const created = value._tag === "Granted" ? value.created : 0
  return { outcome, lease: { created, generation, markersGeneration: undefined } }
}

/** The entry is created at the time of the markers' server, before the lookup begins. */
function* acquireOnTwoNodes(process: Process, key: Key, token: string, newerThan: number): Step<Attempt> {
  const { rules } = process.world
  const sentAt = process.world.time
  const [timeOutcome, outcome] = yield* process.keep(
    [sentAt],
    process.sendBoth(now(!rules.has("timeOfSlotOwner")), acquire(key, token, newerThan, process.clearMarker))
  )
  const time = process.usable("markers", timeOutcome)
  if (time === undefined) return { outcome, lease: undefined }
  process.noteMarkerTime(time.value.time, sentAt)
  process.clearMarker = Math.max(process.clearMarker, time.value.clear)
  const attempt = leased(outcome)
  if (attempt.lease === undefined) return attempt
  const createdByMarkers = Math.max(time.value.time, time.value.clear + 1)
  const created = rules.has("createdByMarkerNode") ? createdByMarkers : attempt.lease.created
  return { outcome, lease: { ...attempt.lease, created, markersGeneration: time.generation } }
}

function* sleep(process: Process, key: Key): Step<void> {
  const waiting = new Sleep(`lease of ${key}`, key)
  process.sleepers.add(waiting)
  try {
    yield waiting
  } finally {
    process.sleepers.delete(waiting)
  }
}

type LeaseOutcome = LoadOutcome & { readonly leaseIsLeft: boolean }

function* loadUnderLease(process: Process, flight: Flight, lease: Lease): Step<LeaseOutcome> {
  const { rules, time } = process.world
  const started = time
  const before = flight.joined
  const version = yield* process.keep([started, before, lease], lookUp(flight, process, "lease"))
  if (rules.has("flightCloses")) close(process, flight)
  flight.lookedUp = { _tag: "Value", version, source: "Lookup", joinedBefore: before }
  const created = yield* process.keep([started, before, version, lease], createdAfterLookup(process, lease))
  const entry: Entry = { key: flight.key, version, created, stale: false }

  const asked = process.world.time
  const fillOn = process.isSeveral ? fillOnTwoNodes : fillOnOneNode
  const result = yield* process.keep([started, before, asked, entry, lease], fillOn(process, flight, entry, lease))
  if (result._tag === "Unconfirmed") {
    return { ...unconfirmed(process, flight, entry, started, before), leaseIsLeft: true }
  }
  if (result._tag === "Obsolete") {
    return { _tag: "Value", version, source: "Lookup", joinedBefore: before, leaseIsLeft: result.leaseIsLeft }
  }
  process.putLocal(entry, rules.has("localTimeFromMarkers") ? asked : result.filledAt, flight.epoch)
  return { _tag: "Value", version, source: "Lookup", joinedBefore: flight.joined, leaseIsLeft: false }
}

/** Without the rule, the time is asked when the lookup has returned. */
function* createdAfterLookup(process: Process, lease: Lease): Step<number> {
  if (lease.markersGeneration === undefined || process.world.rules.has("timeBeforeLookup")) return lease.created
  const reply = process.usable("markers", yield* process.send(now()))
  return reply === undefined ? lease.created : Math.max(reply.value.time, reply.value.clear + 1)
}

type FillResult =
  | { readonly _tag: "Stored"; readonly filledAt: number }
  | { readonly _tag: "Obsolete"; readonly leaseIsLeft: boolean }
  | { readonly _tag: "Unconfirmed" }

/** Reads the markers, then fills. */
function* fillOnOneNode(process: Process, flight: Flight, entry: Entry, lease: Lease): Step<FillResult> {
  const { rules, withMarkers } = process.world
  if (withMarkers) {
    const outcome = yield* process.send(ensureMarkers(entry.created))
    if (outcome._tag !== "Reply") return { _tag: "Unconfirmed" }
    process.clearMarker = Math.max(process.clearMarker, outcome.value[0] ?? 0)
    const isCurrent = outcome.value.every((marker) => isAfter(process, entry, marker))
    if (!isCurrent && rules.has("fillReadsMarkers")) return { _tag: "Obsolete", leaseIsLeft: true }
  }
  const filledAt = process.world.time
  const outcome = yield* process.keep([filledAt], process.send(fill(entry.key, flight.token, entry)))
  const isSameGeneration = outcome._tag === "Reply" && outcome.generation === lease.generation
  if (outcome._tag !== "Reply" || (rules.has("fillOfSameGeneration") && !isSameGeneration)) {
    return { _tag: "Unconfirmed" }
  }
  return outcome.value ? { _tag: "Stored", filledAt } : { _tag: "Obsolete", leaseIsLeft: false }
}

/** Either may run first: the flight is closed, so that all of its callers are from before both. */
function* fillOnTwoNodes(process: Process, flight: Flight, entry: Entry, lease: Lease): Step<FillResult> {
  const { rules } = process.world
  const filledAt = process.world.time
  const [markers, filled] = yield* process.keep(
    [filledAt],
    process.sendBoth(ensureMarkers(entry.created), fill(entry.key, flight.token, entry))
  )
  if (markers._tag !== "Reply" || filled._tag !== "Reply") return { _tag: "Unconfirmed" }
  const ofLease = filled.generation === lease.generation
  const ofTime = markers.generation === lease.markersGeneration
  if (rules.has("fillOfSameGeneration") && !ofLease) return { _tag: "Unconfirmed" }
  if (rules.has("fillOfMarkerGeneration") && !ofTime) return { _tag: "Unconfirmed" }
  process.clearMarker = Math.max(process.clearMarker, markers.value[0] ?? 0)
  const isCurrent = markers.value.every((marker) => isAfter(process, entry, marker))
  const isServed = filled.value && (isCurrent || !rules.has("fillReadsMarkers"))
  return isServed ? { _tag: "Stored", filledAt } : { _tag: "Obsolete", leaseIsLeft: false }
}

/**
 * The value of a lookup that Redis has not confirmed. Callers from before the lookup always get it. Later ones get it only
 * while Redis is away and no newer value can be read.
 */
const unconfirmed = (process: Process, flight: Flight, entry: Entry, started: number, before: number): LoadOutcome => {
  process.putLocal(entry, started, flight.epoch)
  const isBack = process.mayRead(flight.key) && process.world.rules.has("unconfirmedWhileAway")
  const joinedBefore = isBack ? before : flight.joined
  return { _tag: "Value", version: entry.version, source: "Degraded", joinedBefore }
}

function* degraded(process: Process, flight: Flight): Step<LoadOutcome> {
  const { rules, maxLookups, maxWaiting } = process.world
  const isBounded = rules.has("lookupsBounded")
  if (isBounded && process.running >= maxLookups) {
    if (process.waiting >= maxWaiting) return { _tag: "Overloaded" }
    process.waiting++
    try {
      yield { what: "permit", ready: () => process.running < maxLookups }
    } finally {
      process.waiting--
    }
  }
  process.running++
  try {
    const started = process.world.time
    const before = flight.joined
    const version = yield* process.keep([started, before], lookUp(flight, process, "noRedis"))
    return unconfirmed(process, flight, { key: flight.key, version, created: 0, stale: false }, started, before)
  } catch (error) {
    const remembered = error instanceof LookupFailed ? fromMemory(process, flight) : undefined
    if (remembered === undefined) throw error
    return remembered
  } finally {
    process.running--
  }
}

/** What a process remembers of a key whose lookup has failed. */
export const fromMemory = (process: Process, flight: Flight): LoadOutcome | undefined => {
  const version = process.memory.get(flight.key)
  if (version === undefined || !process.world.rules.has("memoryServesOutage")) return undefined
  return { _tag: "Value", version, source: "Memory", joinedBefore: flight.joined }
}

/** Reads the database between its start and its end, and may fail or hang. */
function* lookUp(flight: Flight, process: Process, why: Lookup["why"]): Step<number> {
  const { promises, database } = process.world
  const lookup: Lookup = { process, key: flight.key, flight, why, excused: false, hangs: false, fails: false }
  promises.lookupStarts(lookup)
  try {
    yield boundary(`look up ${flight.key}`)
    const version = database.get(flight.key) ?? 0
    const answer = { what: `answer of the lookup of ${flight.key}`, ready: () => !lookup.hangs }
    yield* process.keep([version], pause(answer))
    if (lookup.fails) throw new LookupFailed()
    return version
  } finally {
    promises.lookupEnds(lookup)
  }
}

export class LookupFailed extends Error {}
