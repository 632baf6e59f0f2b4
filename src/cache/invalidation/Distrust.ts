/**
 * What an outage speaks against: entries that were born before its end, since others may have invalidated them unheard
 * (rule 10 of docs/protocol.md).
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface DistrustOptions {
  /** the server's time by this process's estimate, in milliseconds */
  readonly serverTime: () => number
  /** Asks the server for its time, and hands the answer to `told`: called while the mark seems to lie ahead of it. */
  readonly askTime: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Distrust {
  /** The mark: entries born then or before are distrusted. */
  readonly upTo: () => number
  /** An outage has ended at `now` by the server's clock, in milliseconds. */
  readonly outageEnded: (now: number) => void
  /** What the server's clock shows, as a later answer of TIME tells it, in milliseconds. */
  readonly told: (now: number) => void
  /** Whether an outage speaks against an entry that was read beside this clear marker. */
  readonly speaksAgainst: (created: number, clear: number) => boolean
}

/** Estimates of the server's time may differ by so much, and a clock that is corrected by less costs no more misses. */
const toleranceMillis = 1_000

/**
 * The mark is a time of the server's clock. Where that clock was wrong when it was asked, and far ahead, nothing would be
 * cached until it comes to the mark; so a later answer that contradicts the mark lowers it.
 *
 * What the wrong clock has stamped is then younger than the mark, and is distrusted for as long as it lies ahead of the
 * server's clock. Only a birth that follows the clear marker lies ahead of it by right.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ askTime, serverTime }: DistrustOptions): Distrust => {
  let upTo = 0
  let wasClockWrong = false

  const told = (now: number) => {
    if (now + toleranceMillis >= upTo) return
    upTo = now
    wasClockWrong = true
  }

  const isAhead = (created: number, clear: number) => created !== clear + 1 && created > serverTime() + toleranceMillis

  return {
    upTo: () => upTo,
    told,
    outageEnded: (now) => {
      told(now)
      upTo = Math.max(upTo, now)
    },
    speaksAgainst: (created, clear) => {
      if (created > upTo) return wasClockWrong && isAhead(created, clear)
      if (serverTime() + toleranceMillis < upTo) askTime()
      return true
    }
  }
}
