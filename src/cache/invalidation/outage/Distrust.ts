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
 * A mark is a time of the server's clock: entries created then or before are distrusted. A mark counts for all entries, or for
 * those at a place, such as one server of a cluster.
 *
 * @since 0.1.0
 * @category models
 */
export interface Distrust {
  /** The latest mark that counts for entries at these places. */
  readonly upTo: (places?: ReadonlyArray<number>) => number
  /** An outage of all entries, or of a place, has ended at `now` by the server's clock, in milliseconds. */
  readonly outageEnded: (now: number, place?: number) => void
  /** The server has answered TIME with `now`, in milliseconds. */
  readonly noteTime: (now: number) => void
  /** Whether an entry that was read with this clear marker at these places is distrusted. */
  readonly isDistrusted: (created: number, clear: number, places?: ReadonlyArray<number>) => boolean
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
  let all = 0
  const marks = new Map<number, number>()
  let wasClockWrong = false

  const upTo: Distrust["upTo"] = (places) => {
    let latest = all
    for (const place of places ?? []) latest = Math.max(latest, marks.get(place) ?? 0)
    return latest
  }

  const noteTime = (now: number) => {
    if (now + toleranceMillis < all) {
      all = now
      wasClockWrong = true
    }
    for (const [place, mark] of marks) {
      if (now + toleranceMillis >= mark) continue
      marks.set(place, now)
      wasClockWrong = true
    }
  }

  const isAhead = (created: number, clear: number) => created !== clear + 1 && created > serverTime() + toleranceMillis

  return {
    upTo,
    noteTime,
    outageEnded: (now, place) => {
      noteTime(now)
      if (place === undefined) all = Math.max(all, now)
      else marks.set(place, Math.max(marks.get(place) ?? 0, now))
    },
    isDistrusted: (created, clear, places) => {
      const mark = upTo(places)
      if (created > mark) return wasClockWrong && isAhead(created, clear)
      if (serverTime() + toleranceMillis < mark) askTime()
      return true
    }
  }
}
