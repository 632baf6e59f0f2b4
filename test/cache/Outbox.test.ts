import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Outbox from "../../src/cache/Outbox.js"

const key = (name: string): Outbox.OutboxItem => ({ _tag: "Key", key: name })
const clear: Outbox.OutboxItem = { _tag: "Clear" }

describe("the outbox", () => {
  it("covers every key that entered until an acknowledgement of something sent afterwards", () => {
    const names = fc.constantFrom("a", "b", "c", "d", "e")
    const step = fc.oneof(
      { weight: 4, arbitrary: names.map((name) => ({ _tag: "Add", item: key(name) }) as const) },
      { weight: 1, arbitrary: fc.constant({ _tag: "Add", item: clear } as const) },
      { weight: 2, arbitrary: fc.constant({ _tag: "Send" } as const) },
      { weight: 3, arbitrary: fc.nat(9).map((which) => ({ _tag: "Acknowledge", which }) as const) }
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 0, max: 3 }), (steps, capacity) => {
        const outbox = Outbox.make(capacity)
        /** when each key entered last, and what was sent when */
        const entered = new Map<string, number>()
        const sent: Array<readonly [Outbox.OutboxItem, number, number]> = []
        steps.forEach((step, now) => {
          if (step._tag === "Add") {
            outbox.add(step.item)
            if (step.item._tag === "Key") entered.set(step.item.key, now)
            else for (const name of ["a", "b", "c", "d", "e"]) entered.set(name, now)
          } else if (step._tag === "Send") {
            for (const [item, addition] of outbox.items()) sent.push([item, addition, now])
          } else {
            const acknowledged = sent[step.which]
            if (acknowledged === undefined) return
            const [item, addition, at] = acknowledged
            outbox.acknowledge(item, addition)
            for (const [name, since] of entered) {
              if (since < at && (item._tag === "Clear" || item.key === name)) entered.delete(name)
            }
          }
          for (const name of entered.keys()) expect([name, outbox.has(name)]).toEqual([name, true])
          expect(outbox.size()).toBeLessThanOrEqual(capacity + 1)
          if (outbox.size() === 0) expect(outbox.items()).toEqual([])
        })
      }),
      { numRuns: 500 }
    )
  })

  it("becomes one clear of everything when it overflows", () => {
    const outbox = Outbox.make(2)
    for (const name of ["a", "b", "c"]) outbox.add(key(name))
    expect(outbox.items().map(([item]) => item)).toEqual([clear])
    expect(outbox.has("never entered")).toBe(true)
  })

  it("keeps a key that was added again while its first addition was on its way", () => {
    const outbox = Outbox.make(2)
    outbox.add(key("a"))
    const [first] = outbox.items()
    outbox.add(key("a"))
    outbox.acknowledge(key("a"), first?.[1] ?? 0)
    expect(outbox.has("a")).toBe(true)
    const [second] = outbox.items()
    outbox.acknowledge(key("a"), second?.[1] ?? 0)
    expect(outbox.size()).toBe(0)
  })

  it("keeps the clear when a key entered while it was on its way", () => {
    const outbox = Outbox.make(0)
    outbox.add(key("a"))
    const [first] = outbox.items()
    outbox.add(key("b"))
    outbox.acknowledge(clear, first?.[1] ?? 0)
    expect(outbox.has("b")).toBe(true)
  })
})
