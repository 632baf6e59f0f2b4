/**
 * Outages: what a process does with a new generation, and with the writes that Redis did not surely take.
 */
import type { Process } from "./process.js"
import { invalidate, moveMarker, time } from "./server.js"
import { boundary, type Step } from "./step.js"

/** Takes note of the outage that a new generation has ended, and lets its replies be used. */
export function* open(process: Process, generation: number): Step<void> {
  const { rules, promises } = process.world
  const isOver = () => process.connection?.generation !== generation
  for (;;) {
    const now = yield* process.send(time)
    if (isOver()) return
    if (now._tag === "Reply") {
      if (rules.has("distrustAfterOutage")) {
        const upTo = rules.has("distrustUpToReconnection") ? now.value : process.outageBegan
        process.distrustUpTo = Math.max(process.distrustUpTo, upTo)
      }
      break
    }
    yield boundary("ask for the time again")
  }
  if (rules.has("replayBeforeReads")) {
    yield { what: "replayed outbox", ready: () => isOver() || process.outbox.size === 0 }
    if (isOver()) return
  }
  if (rules.has("outageMovesEpochs")) process.moveAllEpochs()
  process.openGeneration = generation
  promises.opened(process)
}

/** Sends the outbox until it is empty. */
export function* replay(process: Process): Step<void> {
  const { rules } = process.world
  while (process.outbox.size > 0) {
    if (process.connection === undefined) yield { what: "connection", ready: () => process.connection !== undefined }
    for (const [item, addition] of [...process.outbox]) {
      const command = item === "tag" || item === "clear" ? moveMarker(item) : invalidate(item)
      const outcome = yield* process.send(command)
      if (outcome._tag !== "Reply") break
      const isSame = process.outbox.get(item) === addition
      if (isSame || !rules.has("outboxCountsAdditions")) {
        process.outbox.delete(item)
        if (item === "tag" || item === "clear") process.tagsTaken++
      }
    }
    yield boundary("replay")
  }
}
