/**
 * Writes: invalidation, tags, set and update. A write that Redis has not acknowledged enters the outbox.
 */

import type { Written } from "../promises.js"
import type { AnyCall, Outcome } from "../servers/connection.js"
import { bareDelete, begin, finish, invalidate, set } from "../servers/keyCommands.js"
import { moveMarker, now } from "../servers/markerCommands.js"
import type { Entry, Key } from "../servers/server.js"
import type { OutboxItem, Process, SentWrite } from "./process.js"
import { boundary, pause, type Step } from "./step.js"

/** Commits to the database in one step. A tag and a clear concern both keys. */
const commit = (process: Process, keys: ReadonlyArray<Key>): Written => {
  const { database } = process.world
  return keys.map((key) => {
    const version = (database.get(key) ?? 0) + 1
    database.set(key, version)
    return [key, version]
  })
}

/** Ends a write: the epochs move, and an unacknowledged write enters the outbox, in the step of the answer. */
const ended = (process: Process, item: OutboxItem, written: Written, acknowledged: boolean): void => {
  const { rules, promises } = process.world
  if (item === "a" || item === "b") {
    if (rules.has("epochMovesAfter")) process.moveEpoch(item)
  } else if (rules.has("epochMovesAfter")) process.moveAllEpochs()
  if (item === "a" || item === "b") process.unstored.delete(item)
  if (!acknowledged) enter(process, item)
  promises.written(process, item === "a" || item === "b" ? item : "markers", written, acknowledged)
}

const enter = (process: Process, item: OutboxItem): void => {
  const { rules, outboxCapacity } = process.world
  if (!rules.has("outbox")) return
  if (!process.outbox.has(item) && process.outbox.size >= outboxCapacity && item !== "clear") {
    process.outbox.clear()
    if (rules.has("overflowMovesClear")) enter(process, "clear")
    else process.outbox.set(item, ++process.additions)
    return
  }
  process.outbox.set(item, ++process.additions)
}

/** The application commits, and then invalidates the key. */
export function* commitAndInvalidate(process: Process, key: Key): Step<void> {
  const { rules } = process.world
  let written: Written = rules.has("commitFirst") ? commit(process, [key]) : []
  yield* process.keep([written], pause(boundary("committed")))
  if (rules.has("epochMovesBefore")) process.moveEpoch(key)
  let acknowledged = false
  try {
    acknowledged = (yield* process.keep([written], process.send(invalidate(key))))._tag === "Reply"
  } finally {
    if (!rules.has("commitFirst")) written = commit(process, [key])
    ended(process, key, written, acknowledged)
  }
}

/** The same for every entry with the tag, or for the whole cache. */
export function* commitAndMove(process: Process, marker: "tag" | "clear"): Step<void> {
  const written = commit(process, ["a", "b"])
  yield* process.keep([written], pause(boundary("committed")))
  let acknowledged = false
  try {
    acknowledged = (yield* process.keep([written], process.send(moveMarker(marker))))._tag === "Reply"
  } finally {
    ended(process, marker, written, acknowledged)
  }
}

/** When the markers are on another server, and an entry is created by its writer: a lower bound of that server's clock. */
function* creationTime(process: Process): Step<number | undefined> {
  const bound = process.boundOfMarkerClock()
  if (bound !== undefined) return Math.max(bound, process.clearMarker + 1)
  const sentAt = process.world.time
  const reply = process.usable("markers", yield* process.keep([sentAt], process.send(now())))
  if (reply === undefined) return undefined
  process.noteMarkerTime(reply.value.time, sentAt)
  process.clearMarker = Math.max(process.clearMarker, reply.value.clear)
  return Math.max(reply.value.time, reply.value.clear + 1)
}

export function* commitAndSet(process: Process, key: Key): Step<void> {
  const { rules, spawn } = process.world
  const written = commit(process, [key])
  if (!process.world.setsAtOnce) yield* process.keep([written], pause(boundary("committed")))
  const created = process.isSeveral ? yield* creationTimeOfSet(process, key, written) : undefined
  if (process.isSeveral && created === undefined) return
  const version = written[0]?.[1] ?? 0
  const keeping = startKeeping(process, key, process.sets)
  const call = process.issue(set(key, version, process.clearMarker, created))
  // the transfer of a large value may take longer than a fixed deadline
  if (call !== undefined && process.world.largeValues && !rules.has("deadlineAllowsForSize")) {
    spawn(process, `deadline of the set of ${key}`, "own", expire(process, call))
  }
  try {
    if (call !== undefined) yield* process.keep([written, keeping.fingerprint()], pause(call))
  } finally {
    const outcome = call?.outcome?._tag ?? (call === undefined ? "Unavailable" : "Unknown")
    if (call?.isTooLate() === true) process.world.promises.setRejected(process, key)
    if (call !== undefined && outcome === "Unknown") {
      process.world.promises.commandFailed(process, { name: "Set", key })
      spawn(process, `deadline of the set of ${key}`, "own", expire(process, call))
      const deadline = { what: `deadline of the set of ${key}`, ready: call.isExpired }
      if (rules.has("setKeepsCaller")) yield* process.keep([written, call.fingerprint()], pause(deadline))
    }
    const isKept = keeping.end(outcome === "Reply" ? call?.outcome : undefined, () =>
      ended(process, key, written, outcome === "Reply")
    )
    if (isKept) keeping.keep({ key, version, created: created ?? process.serverTime(), stale: false })
    else if (outcome !== "Reply") {
      if (rules.has("unstoredSetIsRemembered")) process.memory.set(key, version)
      if (process.world.replaysSets) process.unstored.set(key, version)
    }
  }
}

/** A write whose value is kept in the local tier, if Redis has stored it and nothing has overtaken it. */
interface Keeping {
  readonly fingerprint: () => ReadonlyArray<unknown>
  /** Ends the write: `move` moves the epoch for the write itself. Answers whether the value may be kept. */
  readonly end: (outcome: Outcome<unknown> | undefined, move: () => void) => boolean
  /** To be called in the same step, after the epoch has moved. */
  readonly keep: (entry: Entry) => void
}

/** `inOrder` holds the writes that one another do not overtake: each was sent after those before it. */
const startKeeping = (process: Process, key: Key, inOrder: Array<SentWrite> = []): Keeping => {
  const { rules, time } = process.world
  const write: SentWrite = { key, epoch: process.epochOf(key) }
  inOrder.push(write)
  return {
    fingerprint: () => [time, write.epoch],
    end: (outcome, move) => {
      const isKept =
        rules.has("writtenIsKept") &&
        outcome !== undefined &&
        (!rules.has("writtenOnOpenGeneration") || process.usable(key, outcome) !== undefined) &&
        (!rules.has("writtenNeedsEpoch") || process.epochOf(key) === write.epoch)
      const later = inOrder.splice(inOrder.indexOf(write)).slice(1)
      inOrder.push(...later)
      move()
      const canFollow = (other: SentWrite) => other.key === key && other.epoch === write.epoch
      if (isKept && rules.has("setsFollowInOrder")) {
        const others = rules.has("onlyLaterSetsFollow") ? later : inOrder
        for (const other of others.filter(canFollow)) other.epoch = process.epochOf(key)
      }
      return isKept
    },
    keep: (entry) => {
      const asked = rules.has("writtenTimeFromStart") ? time : process.world.time
      process.putLocal(entry, asked, process.epochOf(key))
    }
  }
}

/** Where the time of the markers' server cannot be had, the set becomes an invalidation, and has no creation time. */
function* creationTimeOfSet(process: Process, key: Key, written: Written): Step<number | undefined> {
  let created: number | undefined
  let acknowledged = false
  try {
    created = yield* process.keep([written], creationTime(process))
    if (created === undefined) {
      acknowledged = (yield* process.keep([written], process.send(invalidate(key))))._tag === "Reply"
    }
  } finally {
    if (created === undefined) ended(process, key, written, acknowledged)
  }
  return created
}

/** Lets the deadline of a set pass, some time after its caller has stopped waiting. */
function* expire(process: Process, call: AnyCall): Step<void> {
  yield* process.keep([call.fingerprint()], pause(boundary("deadline")))
  call.expire()
}

/** A running update, for the promises after a crash of its process. */
export interface Update {
  readonly process: Process
  readonly key: Key
  readonly token: string
  written: Written
  isPlaced: boolean
  /** another write has taken the token away */
  isTaken: boolean
}

export function* update(process: Process, state: Update): Step<void> {
  const { rules } = process.world
  const { key, token } = state
  let end: EndOfUpdate = { acknowledged: false }
  let keeping = startKeeping(process, key)
  process.tokens.add(token)
  try {
    const createdAt = process.isSeveral
      ? yield* process.keep([keeping.fingerprint()], creationTime(process))
      : undefined
    const begun = rules.has("updatePlacesToken")
      ? yield* process.keep([createdAt, keeping.fingerprint()], process.send(begin(key, token, process.clearMarker)))
      : undefined
    state.isPlaced = begun?._tag === "Reply"
    yield* process.keep([createdAt, begun, keeping.fingerprint()], pause(boundary("write")))
    state.written = commit(process, [key])
    yield* process.keep([createdAt, begun, keeping.fingerprint()], pause(boundary("written")))
    if (!rules.has("updateKeptFromBegin")) keeping = startKeeping(process, key)
    end = yield* process.keep([keeping.fingerprint()], endUpdate(process, state, begun, createdAt))
  } finally {
    process.tokens.delete(token)
    const isKept = keeping.end(end.stored === undefined ? undefined : end.outcome, () =>
      ended(process, key, state.written, end.acknowledged)
    )
    if (isKept && end.stored !== undefined) keeping.keep(end.stored)
  }
}

/** What Redis has answered to the last command of an update, and the entry that it has stored. */
interface EndOfUpdate {
  readonly acknowledged: boolean
  readonly outcome?: Outcome<unknown>
  readonly stored?: Entry
}

function* endUpdate(
  process: Process,
  state: Update,
  begun: Outcome<number> | undefined,
  createdAt: number | undefined
): Step<EndOfUpdate> {
  const { key, token } = state
  const version = state.written[0]?.[1] ?? 0
  if (begun === undefined) {
    return { acknowledged: (yield* process.send(set(key, version, process.clearMarker)))._tag === "Reply" }
  }
  const created = process.isSeveral ? createdAt : begun._tag === "Reply" ? begun.value : undefined
  if (begun._tag !== "Reply" || created === undefined) {
    return { acknowledged: (yield* process.send(invalidate(key)))._tag === "Reply" }
  }
  const entry: Entry = { key, version, created, stale: false }
  const outcome = yield* process.send(finish(key, token, entry))
  if (outcome._tag !== "Reply") return { acknowledged: false }
  const isStored = outcome.value || !process.world.rules.has("updateKeptUnderToken")
  return { acknowledged: true, outcome, ...(isStored && { stored: entry }) }
}

/** The application deletes a key of the cache by name. */
export function* commitAndDelete(process: Process, key: Key): Step<void> {
  if (process.world.rules.has("throughEngine")) return yield* commitAndInvalidate(process, key)
  const written = commit(process, [key])
  yield* process.keep([written], pause(boundary("committed")))
  const outcome = yield* process.keep([written], process.send(bareDelete(key)))
  process.world.promises.written(process, key, written, outcome._tag === "Reply")
}
