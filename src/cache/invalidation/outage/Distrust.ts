/**
 * Distrusts entries from before the end of an outage, since other processes may have invalidated them unheard (rule 10 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface DistrustOptions {
  /** This process's estimate of the server's time, in milliseconds. */
  readonly serverTime: () => number
  /** Asks the server for its time and passes the answer to `noteTime`. Called while the mark seems to be in the future. */
  readonly askTime: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Distrust {
  /** The mark: entries created then or before are distrusted. */
  readonly upTo: () => number
  /** An outage has ended at `now` by the server's clock, in milliseconds. */
  readonly outageEnded: (now: number) => void
  /** The server has answered TIME with `now`, in milliseconds. */
  readonly noteTime: (now: number) => void
  /** Whether an entry that was read with this clear marker is distrusted. */
  readonly isDistrusted: (created: number, clear: number) => boolean
}

/** Estimates of the server's time differ by this much. A clock that is corrected by less costs no more misses. */
const toleranceMillis = 1_000

/**
 * The mark is a time of the server's clock. If that clock was far ahead when it was asked, nothing would be cached until it
 * reaches the mark. A later answer that contradicts the mark therefore lowers it.
 *
 * Entries that the wrong clock has stamped are then younger than the mark. They are distrusted while they lie ahead of the
 * server's clock. Only an entry created directly after the clear marker may lie ahead of it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ askTime, serverTime }: DistrustOptions): Distrust => {
  let upTo = 0
  let wasClockWrong = false

  const noteTime = (now: number) => {
    if (now + toleranceMillis >= upTo) return
    upTo = now
    wasClockWrong = true
  }

  const isAhead = (created: number, clear: number) => created !== clear + 1 && created > serverTime() + toleranceMillis

  return {
    upTo: () => upTo,
    noteTime,
    outageEnded: (now) => {
      noteTime(now)
      upTo = Math.max(upTo, now)
    },
    isDistrusted: (created, clear) => {
      if (created > upTo) return wasClockWrong && isAhead(created, clear)
      if (serverTime() + toleranceMillis < upTo) askTime()
      return true
    }
  }
}
