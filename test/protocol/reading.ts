/**
 * Reads: the local tier, Redis, and flights. The generators are the algorithms of docs/protocol.md, step by step.
 */
import { isDistrusted } from "./outage.js"
import type { Flight, LoadOutcome, Process } from "./process.js"
import type { Lookup, Source } from "./promises.js"
import {
  type Acquired,
  acquire,
  clear,
  type Entry,
  ensureMarkers,
  fill,
  type Key,
  read,
  readMarkers,
  release,
  tag,
  takeLease
} from "./server.js"
import { boundary, Sleep, type Step } from "./step.js"

/** The bound of a waiter: it has found the lease held this often. */
const bound = 2

/** How often Acquire may report a value that the flight then cannot read. */
const maxContradictions = 2

/** A caller that was late for this many flights starts one that no other caller joins. */
const maxJoins = 2

/** With `isRefresh`, a value from before the call is not accepted. */
export function* get(process: Process, key: Key, isRefresh = false): Step<void> {
  const { promises, rules } = process.world
  const check = promises.readStarts(process, key)
  let isOver = false
  const answer = (source: Source, version: number) => {
    isOver = true
    promises.readEnds(check, source, version)
  }
  try {
    if (isRefresh) process.moveEpoch(key)
    for (let joins = 0; ; joins++) {
      const isForced = isRefresh && joins === 0
      const local = isForced ? undefined : process.localHit(key)
      if (local !== undefined) return answer("Local", local.version)

      const found = isForced ? {} : yield* readRedis(process, key)
      if (found.fresh !== undefined) return answer("Redis", found.fresh.version)
      if (found.stale !== undefined) {
        refresh(process, key, found.stale)
        return answer("Stale", found.stale.version)
      }

      const newerThan = isForced ? process.serverTime() : (found.distrusted?.created ?? 0)
      const result = yield* joinFlight(process, key, newerThan, joins >= maxJoins)
      if (result._tag === "Value") {
        if (!result.late || !rules.has("lateCallersStartOver")) {
          return answer(result.source, result.version)
        }
      } else if (result._tag === "Failed" && found.distrusted !== undefined && !rules.has("distrustedIsMiss")) {
        return answer("Stale", found.distrusted.version)
      } else {
        isOver = true
        check.ended = result._tag !== "Stopped"
        return
      }
    }
  } finally {
    // interrupted: no caller waits for its end
    if (!isOver) check.excused = true
  }
}

interface Found {
  readonly fresh?: Entry
  readonly stale?: Entry
  readonly distrusted?: Entry
}

function* readRedis(process: Process, key: Key): Step<Found> {
  if (!process.mayRead(key)) return {}
  const epoch = process.epochOf(key)
  const asked = process.world.time
  const reply = process.usable(yield* process.send(read(key)))
  const entry = reply?.value
  if (entry === undefined) return {}
  if (!(yield* isTrusted(process, entry))) return { distrusted: entry }
  if (entry.stale) return { stale: entry }
  process.putLocal(entry, asked, epoch)
  return { fresh: entry }
}

/** Whether an entry of Redis may be served: no outage, item of the outbox or marker invalidates it. */
function* isTrusted(process: Process, entry: Entry): Step<boolean> {
  if (!process.world.withMarkers || entry.created <= process.distrustedUpTo) return !isDistrusted(process, entry)
  const { tagsAcknowledged } = process
  const reply = process.usable(yield* process.send(readMarkers([clear, tag])))
  if (reply === undefined) return false
  process.clearMarker = Math.max(process.clearMarker, reply.value[0] ?? 0)
  if (!areTagsSettled(process, tagsAcknowledged) || !reply.value.every((marker) => isAfter(process, entry, marker)))
    return false
  return !isDistrusted(process, entry, reply.value[0])
}

/** Whether no tag is pending, and none was acknowledged since the markers were asked for. */
const areTagsSettled = (process: Process, tagsAcknowledged: number): boolean =>
  !process.outbox.has("tag") &&
  (process.tagsAcknowledged === tagsAcknowledged || !process.world.rules.has("acknowledgedTagsDistrusted"))

const isAfter = (process: Process, entry: { readonly created: number }, marker: number | undefined): boolean => {
  const { rules } = process.world
  if (marker === undefined) return !rules.has("missingMarkerIsMiss")
  return rules.has("equalIsInvalid") ? entry.created > marker : entry.created >= marker
}

/** The cache itself is the caller of a background refresh, and never leaves. */
const refresh = (process: Process, key: Key, seen: Entry): void => {
  if (!process.flights.has(flightId(process, key))) join(process, key, seen.created, false)
}

const flightId = (process: Process, key: Key): string =>
  process.world.rules.has("flightPerEpoch") ? `${key}@${process.epochOf(key)}` : key

type FlightResult = LoadOutcome & { readonly late: boolean }

function* joinFlight(process: Process, key: Key, newerThan: number, alone: boolean): Step<FlightResult> {
  const flight = join(process, key, newerThan, alone)
  const position = flight.joined - 1
  try {
    yield { what: `flight of ${key}`, ready: () => flight.outcome !== undefined }
    const outcome = flight.outcome ?? { _tag: "Stopped" }
    return { ...outcome, late: outcome._tag === "Value" && position >= outcome.joinedBefore }
  } finally {
    leave(process, flight, position)
  }
}

const leave = (process: Process, flight: Flight, position: number): void => {
  const { rules, stop } = process.world
  flight.callers--
  if (flight.outcome !== undefined || flight.task === undefined) return
  const ends = flight.callers === 0 ? rules.has("lastCallerStops") : position === 0 && !rules.has("callersOnlyAwait")
  if (!ends) return
  stop(flight.task)
  close(process, flight)
  flight.outcome = { _tag: "Stopped" }
}

const close = (process: Process, flight: Flight): void => {
  if (process.flights.get(flight.id) === flight) process.flights.delete(flight.id)
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
    outcome: undefined
  }
  if (!alone) process.flights.set(id, flight)
  flight.task = spawn(process, `flight ${flight.token} of ${key}`, "own", run(process, flight))
  return flight
}

function* run(process: Process, flight: Flight): Step<void> {
  process.tokens.add(flight.token)
  try {
    const outcome = yield* load(process, flight)
    close(process, flight)
    flight.outcome = outcome
  } catch (error) {
    if (!(error instanceof LookupFailed)) throw error
    close(process, flight)
    flight.outcome = { _tag: "Failed" }
  } finally {
    process.tokens.delete(flight.token)
  }
}

function* load(process: Process, flight: Flight): Step<LoadOutcome> {
  const { rules } = process.world
  const { key, token } = flight
  let newerThan = flight.newerThan
  let held = 0
  let contradictions = 0
  let unknown = 0
  let mayHoldLease = false
  try {
    for (;;) {
      if (!process.mayRead(key)) return yield* degraded(process, flight)
      const asked = process.world.time
      const joinedBefore = flight.joined
      mayHoldLease = true
      newerThan = Math.max(newerThan, process.distrustedUpTo)
      const outcome = yield* acquireLease(process, key, token, newerThan)
      const reply = process.usable(outcome)
      if (reply === undefined) {
        // Acquire is idempotent, and may be repeated
        if (outcome._tag === "Unknown" && unknown++ === 0) continue
        return yield* degraded(process, flight)
      }
      const acquired = reply.value
      mayHoldLease = acquired._tag === "Granted"
      if (acquired._tag === "Value") {
        const reply = process.usable(yield* process.send(read(key)))
        if (reply === undefined) return yield* degraded(process, flight)
        const entry = reply.value
        if (entry !== undefined && !entry.stale && (yield* isTrusted(process, entry))) {
          process.putLocal(entry, asked, flight.epoch)
          return { _tag: "Value", version: entry.version, source: "Redis", joinedBefore }
        }
        const created = entry?.created ?? 0
        newerThan = Math.max(newerThan, created)
        if (created < acquired.entry.created) {
          // it was invalidated in between, or reads lag behind scripts
          if (++contradictions > maxContradictions && rules.has("contradictionsEnd")) {
            return yield* degraded(process, flight)
          }
          yield boundary("pause")
        }
        continue
      }
      if (acquired._tag === "Granted") {
        const result = yield* loadUnderLease(process, flight, acquired.created, reply.generation)
        mayHoldLease = result.leaseIsLeft
        return result
      }
      if (held++ >= bound && rules.has("waitersHaveBound")) {
        const before = flight.joined
        const version = yield* lookUp(flight, process, "bound")
        return { _tag: "Value", version, source: "Lookup", joinedBefore: before }
      }
      yield* sleep(process, key)
    }
  } finally {
    if (mayHoldLease && rules.has("leaseReleased")) process.issue(release(key, token))
  }
}

function* acquireLease(process: Process, key: Key, token: string, newerThan: number) {
  const floor = process.clearMarker
  if (process.world.rules.has("acquireIsOneScript")) return yield* process.send(acquire(key, token, newerThan, floor))
  const found = yield* process.send(read(key))
  if (found._tag !== "Reply") return found
  const entry = found.value
  if (entry !== undefined && !entry.stale && entry.created > newerThan) {
    const value: Acquired = { _tag: "Value", entry }
    return { ...found, value }
  }
  return yield* process.send(takeLease(key, token, newerThan, floor))
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

function* loadUnderLease(process: Process, flight: Flight, created: number, generation: number): Step<LeaseOutcome> {
  const { rules, withMarkers, time } = process.world
  const { key, token } = flight
  const started = time
  const before = flight.joined
  const version = yield* lookUp(flight, process, "lease")
  if (rules.has("flightCloses")) close(process, flight)
  const entry: Entry = { key, version, created, stale: false }

  const markersAsked = process.world.time
  let isCurrent = true
  if (withMarkers) {
    const outcome = yield* process.send(ensureMarkers(created))
    if (outcome._tag !== "Reply") return { ...unconfirmed(process, flight, entry, started, before), leaseIsLeft: true }
    process.clearMarker = Math.max(process.clearMarker, outcome.value[0] ?? 0)
    isCurrent = outcome.value.every((marker) => isAfter(process, entry, marker))
  }
  if (!isCurrent && rules.has("fillReadsMarkers")) {
    return { _tag: "Value", version, source: "Lookup", joinedBefore: before, leaseIsLeft: true }
  }

  const asked = rules.has("localTimeFromMarkers") ? markersAsked : process.world.time
  const outcome = yield* process.send(fill(key, token, entry))
  const isSameGeneration = outcome._tag === "Reply" && outcome.generation === generation
  if (outcome._tag !== "Reply" || (rules.has("fillOfSameGeneration") && !isSameGeneration)) {
    return { ...unconfirmed(process, flight, entry, started, before), leaseIsLeft: true }
  }
  const isStored = outcome.value
  if (isStored) process.putLocal(entry, asked, flight.epoch)
  const joinedBefore = isStored ? flight.joined : before
  return { _tag: "Value", version, source: "Lookup", joinedBefore, leaseIsLeft: false }
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
    const version = yield* lookUp(flight, process, "noRedis")
    return unconfirmed(process, flight, { key: flight.key, version, created: 0, stale: false }, started, before)
  } finally {
    process.running--
  }
}

/** Reads the database between its start and its end, and may fail or hang. */
function* lookUp(flight: Flight, process: Process, why: Lookup["why"]): Step<number> {
  const { promises, database } = process.world
  const lookup: Lookup = { process, key: flight.key, flight, why, excused: false, hangs: false, fails: false }
  promises.lookupStarts(lookup)
  try {
    yield boundary(`look up ${flight.key}`)
    const version = database.get(flight.key) ?? 0
    yield { what: `answer of the lookup of ${flight.key}`, ready: () => !lookup.hangs }
    if (lookup.fails) throw new LookupFailed()
    return version
  } finally {
    promises.lookupEnds(lookup)
  }
}

class LookupFailed extends Error {}
