import { describe, expect, it } from "@effect/vitest"
import * as SpaceSaving from "../../../src/internal/collection/SpaceSaving.js"

describe("the sketch of frequent keys", () => {
  it("counts exactly while there are no more keys than its capacity", () => {
    const sketch = SpaceSaving.make(3)
    for (const key of ["a", "b", "a", "c", "a", "b"]) sketch.note(key)
    expect(sketch.top(2)).toEqual([
      { key: "a", count: 3, error: 0 },
      { key: "b", count: 2, error: 0 }
    ])
  })

  it("keeps every key with more than its share of a long stream, and counts none too low", () => {
    const sketch = SpaceSaving.make(20)
    const exact = new Map<string, number>()
    let seed = 1
    for (let i = 0; i < 20_000; i++) {
      seed = (seed * 48_271) % 2_147_483_647
      const key = i % 4 === 0 ? `hot${i % 3}` : `cold${seed % 5_000}`
      exact.set(key, (exact.get(key) ?? 0) + 1)
      sketch.note(key)
    }
    const top = sketch.top(3)
    expect(top.map(({ key }) => key).sort()).toEqual(["hot0", "hot1", "hot2"])
    for (const { count, error, key } of sketch.top(20)) {
      const times = exact.get(key) ?? 0
      expect(count).toBeGreaterThanOrEqual(times)
      expect(count - error).toBeLessThanOrEqual(times)
    }
    expect(sketch.top(100).length).toBe(20)
  })
})
