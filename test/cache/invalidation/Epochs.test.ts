import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Epochs from "../../../src/cache/invalidation/Epochs.js"

const keys = ["a", "b", "c", "d"] as const

describe("epochs", () => {
  it("never return to an earlier number of a key that has moved", () => {
    const step = fc.oneof(fc.constantFrom(...keys), fc.constant("all" as const))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (steps, capacity) => {
        const epochs = Epochs.make(capacity)
        const seen = new Map(keys.map((key) => [key, new Set([epochs.of(key)])]))
        for (const step of steps) {
          if (step === "all") epochs.moveAll()
          else epochs.move(step)
          for (const key of keys) {
            const now = epochs.of(key)
            if (step === "all" || step === key) expect(seen.get(key)?.has(now)).toBe(false)
            seen.get(key)?.add(now)
          }
        }
      })
    )
  })

  it("keep the number of a key that has not moved", () => {
    const epochs = Epochs.make()
    const before = epochs.of("quiet")
    epochs.move("busy")
    expect(epochs.of("quiet")).toBe(before)
  })
})
