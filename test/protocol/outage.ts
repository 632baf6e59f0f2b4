/**
 * Outages: how a process opens a new generation, and replays the writes that Redis has not acknowledged.
 */
import type { Process } from "./process.js"
import { invalidate, moveMarker, time } from "./server.js"
import { boundary, type Step } from "./step.js"

/** Handles the outage that a new generation has ended, and then opens the generation. */
export function* open(process: Process, generation: number): Step<void> {
  const { rules, promises } = process.world
  const isOver = () => process.connection?.generation !== generation
  for (;;) {
    const now = yield* process.send(time)
    if (isOver()) return
    if (now._tag === "Reply") {
      if (rules.has("distrustAfterOutage")) {
        noteTime(process, now.value)
        const upTo = rules.has("distrustUpToReconnection") ? now.value : process.outageBegan
        process.distrustedUpTo = Math.max(process.distrustedUpTo, upTo)
      }
      break
    }
    yield boundary("retry TIME")
  }
  if (rules.has("replayBeforeReads")) {
    yield { what: "replayed outbox", ready: () => isOver() || process.outbox.size === 0 }
    if (isOver()) return
  }
  if (rules.has("outageMovesEpochs")) process.moveAllEpochs()
  process.openGeneration = generation
  promises.opened(process)
}

/** Lowers the mark of distrust that an answer of TIME contradicts. */
const noteTime = (process: Process, now: number): void => {
  if (now >= process.distrustedUpTo || !process.world.rules.has("contradictedMarkLowered")) return
  process.distrustedUpTo = now
  process.wasClockWrong = true
}

/** Whether an entry is distrusted after an outage. `clear` is the clear marker that was read with it. */
export const isDistrusted = (process: Process, entry: { readonly created: number }, clear = 0): boolean => {
  const { rules } = process.world
  if (entry.created <= process.distrustedUpTo) {
    queryTime(process)
    return true
  }
  if (!process.wasClockWrong || !rules.has("createdAheadDistrusted")) return false
  const followsClear = rules.has("createdAfterClearTrusted") && entry.created === clear + 1
  return entry.created > process.serverTime() && !followsClear
}

/** Queries the time, where the mark of distrust seems to be in the future. */
const queryTime = (process: Process): void => {
  if (process.isAskingTime || process.serverTime() >= process.distrustedUpTo) return
  process.isAskingTime = true
  process.world.spawn(process, "query the time", "own", timeQuery(process))
}

function* timeQuery(process: Process): Step<void> {
  try {
    const now = process.usable(yield* process.send(time))
    if (now !== undefined) noteTime(process, now.value)
  } finally {
    process.isAskingTime = false
  }
}

/** Sends the outbox until it is empty. */
export function* replay(process: Process): Step<void> {
  const { rules } = process.world
  while (process.outbox.size > 0) {
    const isThere = () => process.connection !== undefined && !process.isCircuitOpen
    if (!isThere()) yield { what: "connection", ready: isThere }
    for (const [item, addition] of [...process.outbox]) {
      const command = item === "tag" || item === "clear" ? moveMarker(item) : invalidate(item)
      const outcome = yield* process.send(command)
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
