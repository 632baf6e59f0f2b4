/** Numbers as people read them. */

/** Operations per second, to three digits. */
export const rate = (perSecond: number): string => {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toPrecision(3)} M`
  if (perSecond >= 1e3) return `${(perSecond / 1e3).toPrecision(3)} k`
  return perSecond.toPrecision(3)
}

/** How many times as much. */
export const ratio = (times: number): string => (times >= 100 ? Math.round(times).toString() : times.toPrecision(2))
