/**
 * Records the writes of this process, so that it serves nothing older than a write that has returned (rules 6 to 9 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */
import type { LocalInvalidation } from "./LocalInvalidation.js"
import type { OutageState } from "./outage/OutageWatch.js"
import type { Outbox, OutboxItem } from "./outage/Outbox.js"
import type { OutboxReplay } from "./outage/OutboxReplay.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface WriteRecord {
  /** A write of the item is about to be sent: local values of it are dropped. A set needs none of it (`epochMovesBefore`). */
  readonly begin: (item: OutboxItem) => void
  /**
   * The write has ended: local values are dropped again, since a read may have kept one meanwhile. A write that Redis has
   * not acknowledged enters the outbox in the same step.
   */
  readonly end: (item: OutboxItem, isAcknowledged: boolean) => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly local: LocalInvalidation
  readonly outbox: Pick<Outbox, "add">
  readonly replay: Pick<OutboxReplay, "wake">
  readonly state: OutageState
}): WriteRecord => {
  const { local, outbox, replay, state } = options
  return {
    begin: local.invalidateLocally,
    end: (item, isAcknowledged) => {
      // a client that is switched off never sends or reads anything: its outbox would only grow
      if (!isAcknowledged && state.failure.reason !== "Disabled") {
        outbox.add(item)
        replay.wake()
      }
      local.invalidateLocally(item)
    }
  }
}
