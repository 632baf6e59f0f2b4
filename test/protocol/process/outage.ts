/**
 * Outages: how a process opens the slots of a new generation, and replays the writes that Redis has not acknowledged.
 */
import { invalidate, set } from "../servers/keyCommands.js"
import { moveMarker, now, raise, time } from "../servers/markerCommands.js"
import type { Command, Entry, Key, Slot } from "../servers/server.js"
import type { Process } from "./process.js"
import { boundLasts } from "./slots.js"
import { boundary, pause, type Step } from "./step.js"

/** Handles the outage that a new generation of some slots has ended, and then opens them. */
export const open = (process: Process, slots: ReadonlyArray<Slot>, isAnotherServer: boolean): Step<void> =>
  openGenerations(process, new Map(slots.map((slot) => [slot, process.generationOf(slot)])), isAnotherServer)

function* openGenerations(
  process: Process,
  generations: ReadonlyMap<Slot, string>,
  isAnotherServer: boolean
): Step<void> {
  const { rules, promises } = process.world
  /** those whose generation has not ended meanwhile */
  const remaining = (): ReadonlyArray<Slot> =>
    Array.from(generations).flatMap(([slot, generation]) => {
      const { connection } = process.linkOf(slot)
      return connection !== undefined && process.generationOf(slot) === generation ? [slot] : []
    })
  const isOver = () => remaining().length === 0

  for (;;) {
    const found = yield* process.keep(
      [...generations],
      process.isSeveral
        ? markerTimeOnTwoNodes(process, remaining, generations.get("markers"))
        : markerTime(process, isAnotherServer)
    )
    if (isOver()) return
    if (found !== undefined) {
      distrust(process, remaining(), found)
      break
    }
    yield* process.keep([...generations], pause(boundary("retry TIME")))
  }
  if (rules.has("replayBeforeReads")) {
    const wait = { what: "replayed outbox", ready: () => isOver() || process.outbox.size === 0 }
    yield* process.keep([...generations], pause(wait))
    if (isOver()) return
  }
  for (const slot of remaining()) {
    if (rules.has("outageMovesEpochs")) process.moveEpochsOf(slot)
    process.open(slot)
    promises.opened(process, slot)
  }
}

const distrust = (process: Process, slots: ReadonlyArray<Slot>, now: number): void => {
  const { rules, topology } = process.world
  if (!rules.has("distrustAfterOutage")) return
  noteTime(process, now)
  for (const slot of slots) {
    const ofOwnClock = process.isSeveral && slot !== "markers" && !rules.has("markOfMarkerNode")
    const end = ofOwnClock ? topology.of(slot).clock : now
    process.distrust(slot, rules.has("distrustUpToReconnection") ? end : process.outageBegan)
  }
}

/** The time of the one server. */
function* markerTime(process: Process, isAnotherServer: boolean): Step<number | undefined> {
  const sentAt = process.world.time
  const reply = yield* process.keep([sentAt, isAnotherServer], process.send(time))
  if (reply._tag !== "Reply") return undefined
  if (!isAnotherServer) {
    process.noteMarkerTime(reply.value, sentAt)
    return reply.value
  }
  const answer = { time: reply.value, clear: process.clearMarker }
  return (yield* raiseMarker(process, answer, sentAt, true)) ? reply.value : undefined
}

/** The time of the markers' server. An entry's slot is opened after the markers' slot. */
function* markerTimeOnTwoNodes(
  process: Process,
  remaining: () => ReadonlyArray<Slot>,
  generation: string | undefined
): Step<number | undefined> {
  const opensMarkers = () => remaining().includes("markers")
  yield {
    what: "open markers",
    ready: () => remaining().length === 0 || opensMarkers() || process.isOpen("markers")
  }
  if (remaining().length === 0) return undefined
  const sentAt = process.world.time
  const outcome = yield* process.keep([sentAt], process.send(now()))
  const reply = opensMarkers() ? outcome : process.usable("markers", outcome)
  if (reply === undefined || !("value" in reply)) return undefined
  if (opensMarkers() && reply.generation !== generation) return undefined
  const { value } = reply
  return (yield* raiseMarker(process, value, sentAt, opensMarkers())) ? value.time : undefined
}

interface Answer {
  readonly time: number
  readonly clear: number
}

/**
 * Raises the clear marker where entries may have been created after the time that the server answers: by the clock of the
 * server before it, or directly after a clear marker that is ahead. Answers whether Redis has acknowledged it.
 */
function* raiseMarker(process: Process, { time, clear }: Answer, sentAt: number, isNew: boolean): Step<boolean> {
  const { rules } = process.world
  const ahead = Math.max(clear, process.clearMarker)
  const expected = isNew && rules.has("raisedWhenBehind") ? process.markerClockAtLeast(sentAt) : undefined
  let atLeast: number | undefined
  if (expected !== undefined && time < expected) {
    const margin = rules.has("raisedBeyondBounds") ? boundLasts : 0
    atLeast = Math.max((process.markerClockAtMost(process.world.time) ?? 0) + margin, ahead + 1)
  } else if (ahead >= time && rules.has("raisedWhenAhead")) {
    atLeast = ahead + 1
  }
  if (atLeast !== undefined) {
    const outcome = yield* process.keep([time, sentAt], process.send(raise(atLeast)))
    if (outcome._tag !== "Reply") return false
    process.clearMarker = Math.max(process.clearMarker, outcome.value.clear)
  } else {
    process.clearMarker = ahead
  }
  process.noteMarkerTime(time, sentAt)
  return true
}

/** Lowers the marks of distrust that an answer of TIME contradicts. */
const noteTime = (process: Process, now: number): void => {
  if (!process.world.rules.has("contradictedMarkLowered") || !process.lowerDistrust(now)) return
  process.wasClockWrong = true
}

/** Whether an entry is distrusted after an outage. `clear` is the clear marker that was read with it. */
export const isDistrusted = (process: Process, entry: Pick<Entry, "created" | "key">, clear = 0): boolean => {
  const { rules } = process.world
  if (entry.created <= process.distrustedUpTo(entry.key)) {
    queryTime(process, entry.key)
    return true
  }
  if (!process.wasClockWrong || !rules.has("createdAheadDistrusted")) return false
  const followsClear = rules.has("createdAfterClearTrusted") && entry.created === clear + 1
  return entry.created > process.serverTime() && !followsClear
}

/** Queries the time, where the mark of distrust seems to be in the future. */
const queryTime = (process: Process, key: Key): void => {
  if (process.isAskingTime || process.serverTime() >= process.distrustedUpTo(key)) return
  process.isAskingTime = true
  process.world.spawn(process, "query the time", "own", timeQuery(process))
}

function* timeQuery(process: Process): Step<void> {
  try {
    if (process.isSeveral) {
      const reply = process.usable("markers", yield* process.send(now()))
      if (reply !== undefined) noteTime(process, reply.value.time)
      return
    }
    const reply = process.usable("markers", yield* process.send(time))
    if (reply !== undefined) noteTime(process, reply.value)
  } finally {
    process.isAskingTime = false
  }
}

const replayOf = (process: Process, key: Key): Command<void> => {
  const unstored = process.unstored.get(key)
  return unstored === undefined ? invalidate(key) : set(key, unstored, process.clearMarker)
}

/** Sends the outbox until it is empty. */
export function* replay(process: Process): Step<void> {
  const { rules } = process.world
  while (process.outbox.size > 0) {
    const canSend = (slot: Slot) => {
      const { connection, isCircuitOpen } = process.linkOf(slot)
      return connection !== undefined && !isCircuitOpen
    }
    const slotOf = (item: Key | "tag" | "clear"): Slot => (item === "tag" || item === "clear" ? "markers" : item)
    const isThere = () => [...process.outbox.keys()].some((item) => canSend(slotOf(item)))
    if (!isThere()) yield { what: "connection", ready: isThere }
    const items = [...process.outbox]
    for (const [i, [item, addition]] of items.entries()) {
      if (process.isSeveral && !canSend(slotOf(item))) continue
      const command = item === "tag" || item === "clear" ? moveMarker(item) : replayOf(process, item)
      const outcome = yield* process.keep(items.slice(i), process.send(command))
      if (outcome._tag !== "Reply") break
      const isSame = process.outbox.get(item) === addition
      if (isSame || !rules.has("outboxCountsAdditions")) {
        process.outbox.delete(item)
        if (item === "tag" || item === "clear") process.tagsAcknowledged++
      }
    }
    yield boundary("replay")
  }
}
