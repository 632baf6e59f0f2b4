import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { TwoGenerationMap } from "../../../src/internal/collection/TwoGenerationMap.js"

describe("a map of two generations", () => {
  it("holds the most recently used keys, and no more than twice its capacity", () => {
    const texts = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 400, size: "max" })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), texts, (capacity, asked) => {
        const recent = new TwoGenerationMap<string>(capacity)
        const last: Array<string> = []
        for (const number of asked) {
          const text = `t${number}`
          const made = recent.get(text)
          // the most recently used ones, each once
          if (new Set(last.slice(-capacity)).has(text)) expect(made).toBe(`made of ${text}`)
          else expect([undefined, `made of ${text}`]).toContain(made)
          if (made === undefined) recent.set(text, `made of ${text}`)
          if (last.includes(text)) last.splice(last.indexOf(text), 1)
          last.push(text)
        }
        const known = Array.from({ length: 41 }, (_, i) => `t${i}`).filter((text) => peek(recent, text))
        expect(known.length).toBeLessThanOrEqual(2 * capacity)
      })
    )
  })
})

/** Whether the map holds a key, without using it. */
const peek = (recent: TwoGenerationMap<string>, text: string): boolean =>
  Object.values(recent).some((part: unknown) => part instanceof Map && part.has(text))
