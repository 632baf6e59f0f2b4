/** The mark of distrust: what it speaks against, and how a clock that was wrong when it was made is found out. */
import { describe, expect, it } from "@effect/vitest"
import * as Distrust from "../../../src/cache/invalidation/Distrust.js"

const hour = 3_600_000

/** A mark over a clock that the test sets; `asked` counts how often the time was to be asked for. */
const world = (now: number) => {
  const state = { now, asked: 0 }
  const distrust = Distrust.make({
    serverTime: () => state.now,
    askTime: () => {
      state.asked++
    }
  })
  return { state, distrust }
}

describe("a mark of distrust", () => {
  it("speaks against nothing before the first outage", () => {
    const { distrust } = world(5)
    expect([distrust.isDistrusted(1, 0), distrust.isDistrusted(hour, 0)]).toEqual([false, false])
  })

  it("speaks against what was born at the end of an outage or before", () => {
    const { distrust, state } = world(hour)
    distrust.outageEnded(hour)
    expect([hour - 1, hour, hour + 1].map((created) => distrust.isDistrusted(created, 0))).toEqual([true, true, false])
    expect(state.asked).toBe(0)
  })

  it("has the time asked for while it lies ahead of the server's clock, and is lowered by the answer", () => {
    const { distrust, state } = world(hour)
    distrust.outageEnded(2 * hour)
    expect(distrust.isDistrusted(hour + 1, 0)).toBe(true)
    expect(state.asked).toBe(1)
    distrust.noteTime(hour)
    expect(distrust.upTo()).toBe(hour)
    expect([hour, hour + 1].map((created) => distrust.isDistrusted(created, 0))).toEqual([true, false])
    expect(state.asked).toBe(1)
  })

  it("is never raised by an answer, nor lowered by what clocks differ by anyway", () => {
    const { distrust } = world(hour)
    distrust.outageEnded(hour)
    for (const now of [hour + 1, 2 * hour, hour - 1_000]) distrust.noteTime(now)
    expect(distrust.upTo()).toBe(hour)
  })

  it("is lowered by the end of the next outage too", () => {
    const { distrust } = world(hour)
    distrust.outageEnded(2 * hour)
    distrust.outageEnded(hour)
    expect(distrust.upTo()).toBe(hour)
    distrust.outageEnded(hour + 10)
    expect(distrust.upTo()).toBe(hour + 10)
  })

  it("once lowered, speaks against what a wrong clock has stamped, until the clock comes to it", () => {
    const { distrust, state } = world(hour)
    const born = 2 * hour - 1
    distrust.outageEnded(2 * hour)
    distrust.noteTime(hour)
    expect(distrust.isDistrusted(born, 0)).toBe(true)
    // a birth may be a little ahead of the estimate, or follow a marker
    expect(distrust.isDistrusted(hour + 1_000, 0)).toBe(false)
    expect(distrust.isDistrusted(born, born - 1)).toBe(false)
    state.now = born
    expect(distrust.isDistrusted(born, 0)).toBe(false)
  })
})
