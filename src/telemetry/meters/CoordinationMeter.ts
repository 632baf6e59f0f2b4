/**
 * The metrics of rate limits, locks and semaphores. Keys are no labels, since there is no bound on them.
 *
 * @internal
 */
import type { LimitListener } from "../../coordination/limit/ObservedLimits.js"
import type { LockListener } from "../../coordination/lock/ObservedLocks.js"
import * as Instrument from "./Instrument.js"

const decisions = Instrument.counter(
  "ratelimit.decisions",
  "Decisions of rate limits, by result and by the place of the decision"
)
const limitWaits = Instrument.seconds("ratelimit.wait.duration", "Time that calls have waited for their limit")
const acquisitions = Instrument.counter("lock.acquisitions", "Acquisitions of locks and semaphores, by result")
const lockWaits = Instrument.seconds("lock.wait.duration", "Time that acquisitions took, waiting included")
const holds = Instrument.seconds("lock.hold.duration", "Time that locks and permits were held")
const losses = Instrument.counter("lock.losses", "Locks and permits that were lost while they were held, by reason")

export const limits: LimitListener = {
  onDecision: (algorithm, allowed, by) =>
    decisions({ algorithm, result: allowed ? "allowed" : "rejected", by: by.toLowerCase() }),
  onWait: (algorithm, admitted, millis) => limitWaits({ algorithm, result: admitted ? "allowed" : "rejected" })(millis)
}

export const locks: LockListener = {
  onAcquisition: (kind, result, millis) => {
    const labels = { kind, result: result.toLowerCase() }
    acquisitions(labels)
    lockWaits(labels)(millis)
  },
  onRelease: (kind, millis) => holds({ kind })(millis),
  onLoss: (kind, reason) => losses({ kind, reason })
}
