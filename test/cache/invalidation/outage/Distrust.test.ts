/** The mark of distrust: which entries it invalidates, and how it recovers from a wrong clock of the server. */
import { describe, expect, it } from "@effect/vitest"
import * as Distrust from "../../../../src/cache/invalidation/outage/Distrust.js"

const hour = 3_600_000

/** A mark over a clock that the test sets. `asked` counts the queries of the time. */
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
  it("distrusts no entry before the first outage", () => {
    const { distrust } = world(5)
    expect([distrust.isDistrusted(1, 0), distrust.isDistrusted(hour, 0)]).toEqual([false, false])
  })

  it("distrusts the entries that were created at the end of an outage or before", () => {
    const { distrust, state } = world(hour)
    distrust.outageEnded(hour)
    expect([hour - 1, hour, hour + 1].map((created) => distrust.isDistrusted(created, 0))).toEqual([true, true, false])
    expect(state.asked).toBe(0)
  })

  it("causes a query of the time while it is ahead of the server's clock, and is lowered by the answer", () => {
    const { distrust, state } = world(hour)
    distrust.outageEnded(2 * hour)
    expect(distrust.isDistrusted(hour + 1, 0)).toBe(true)
    expect(state.asked).toBe(1)
    distrust.noteTime(hour)
    expect(distrust.upTo()).toBe(hour)
    expect([hour, hour + 1].map((created) => distrust.isDistrusted(created, 0))).toEqual([true, false])
    expect(state.asked).toBe(1)
  })

  it("is never raised by an answer, nor lowered by the usual difference of clocks", () => {
    const { distrust } = world(hour)
    distrust.outageEnded(hour)
    for (const now of [hour + 1, 2 * hour, hour - 1_000]) distrust.noteTime(now)
    expect(distrust.upTo()).toBe(hour)
  })

  it("is also lowered by the end of the next outage", () => {
    const { distrust } = world(hour)
    distrust.outageEnded(2 * hour)
    distrust.outageEnded(hour)
    expect(distrust.upTo()).toBe(hour)
    distrust.outageEnded(hour + 10)
    expect(distrust.upTo()).toBe(hour + 10)
  })

  it("once lowered, distrusts the entries of the wrong clock until the clock has reached their creation time", () => {
    const { distrust, state } = world(hour)
    const createdAt = 2 * hour - 1
    distrust.outageEnded(2 * hour)
    distrust.noteTime(hour)
    expect(distrust.isDistrusted(createdAt, 0)).toBe(true)
    // a creation time may be a little ahead of the estimate, or directly after a marker
    expect(distrust.isDistrusted(hour + 1_000, 0)).toBe(false)
    expect(distrust.isDistrusted(createdAt, createdAt - 1)).toBe(false)
    state.now = createdAt
    expect(distrust.isDistrusted(createdAt, 0)).toBe(false)
  })
})
