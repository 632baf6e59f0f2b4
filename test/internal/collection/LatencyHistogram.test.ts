import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as LatencyHistogram from "../../../src/internal/collection/LatencyHistogram.js"

describe("latencies", () => {
  it("are all zero before the first", () => {
    expect(LatencyHistogram.make().summary()).toEqual({ count: 0, mean: 0, p50: 0, p99: 0, max: 0 })
  })

  it.prop(
    "are summed up to within a fifth, and exactly where that costs nothing",
    [fc.array(fc.double({ min: 0.001, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 300 })],
    ([times]) => {
      const histogram = LatencyHistogram.make()
      for (const time of times) histogram.note(time)
      const { count, max, mean, p50, p99 } = histogram.summary()
      const sorted = times.toSorted((a, b) => a - b)
      expect(count).toBe(times.length)
      expect(max).toBe(sorted.at(-1))
      expect(mean).toBeCloseTo(times.reduce((sum, time) => sum + time, 0) / times.length, 3)
      for (const [share, found] of [
        [0.5, p50],
        [0.99, p99]
      ] as const) {
        const exact = sorted[Math.ceil(share * times.length) - 1] ?? 0
        expect(found).toBeGreaterThanOrEqual(exact * (1 - 1e-9))
        expect(found).toBeLessThanOrEqual(exact * 1.19)
      }
    }
  )

  it("count one answer for each caller who waited for it", () => {
    const histogram = LatencyHistogram.make()
    histogram.note(1, 99)
    histogram.note(1_000)
    expect(histogram.summary().p99).toBeLessThan(2)
    expect(histogram.summary().mean).toBeCloseTo(10.99)
  })
})
