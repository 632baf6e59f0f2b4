import { describe, expect, it } from "@effect/vitest"
import * as Sieve from "../../../src/internal/collection/Sieve.js"

describe("the memory of SIEVE", () => {
  it("holds few items that have left the map, however many are replaced without an eviction", async () => {
    const capacity = 100
    const left: Array<WeakRef<Sieve.Item>> = []
    const sieve = new Sieve.Sieve<Sieve.Item>({ capacity, onRemoved: () => {} })
    const add = (i: number) => {
      const item: Sieve.Item = { size: 1, visited: false }
      left.push(new WeakRef(item))
      sieve.add(`k${i}`, item)
    }
    // the last one evicts the first, so that the hand is on the second, which is not replaced
    for (let i = 0; i <= capacity; i++) add(i)
    for (let round = 0; round < 100; round++) for (let i = 2; i <= capacity; i++) add(i)
    expect(sieve.count).toBe(capacity)
    // what a turn of the event loop has made is held until its end
    await new Promise((resolve) => setImmediate(resolve))
    Bun.gc(true)
    expect(left.filter((item) => item.deref() !== undefined).length).toBeLessThan(5 * capacity)
  })
})
