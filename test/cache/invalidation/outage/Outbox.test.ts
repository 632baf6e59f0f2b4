import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Outbox from "../../../../src/cache/invalidation/outage/Outbox.js"
import { runs } from "../../../support/effort.js"

const key = (name: string): Outbox.OutboxItem => ({ _tag: "Key", key: name })
const tag = (name: string): Outbox.OutboxItem => ({ _tag: "Tag", tag: name })
const clear: Outbox.OutboxItem = { _tag: "Clear" }

describe("the outbox", () => {
  it("keeps every key and tag until an item that was sent afterwards is acknowledged", () => {
    const items = [key("a"), key("b"), key("c"), tag("a"), tag("b")]
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...items).map((item) => ({ _tag: "Add", item }) as const) },
      { weight: 1, arbitrary: fc.constant({ _tag: "Add", item: clear } as const) },
      { weight: 2, arbitrary: fc.constant({ _tag: "Send" } as const) },
      { weight: 3, arbitrary: fc.nat(9).map((which) => ({ _tag: "Acknowledge", which }) as const) }
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 0, max: 3 }), (steps, capacity) => {
        const outbox = Outbox.make(capacity)
        const covers = (item: Outbox.OutboxItem) =>
          outbox.has("never entered") ||
          (item._tag === "Key" ? outbox.has(item.key) : item._tag === "Tag" && outbox.hasTag([item.tag]))
        /** the last time at which each item entered, and the items that were sent with their times */
        const entered = new Map<Outbox.OutboxItem, number>()
        const sent: Array<readonly [Outbox.OutboxItem, number, number]> = []
        steps.forEach((step, now) => {
          if (step._tag === "Add") {
            outbox.add(step.item)
            for (const item of items) if (step.item._tag === "Clear" || step.item === item) entered.set(item, now)
          } else if (step._tag === "Send") {
            for (const [item, addition] of outbox.items()) sent.push([item, addition, now])
          } else {
            const acknowledged = sent[step.which]
            if (acknowledged === undefined) return
            const [item, addition, at] = acknowledged
            outbox.acknowledge(item, addition)
            for (const [other, since] of entered) {
              const isCovered = item._tag === "Clear" || JSON.stringify(item) === JSON.stringify(other)
              if (since < at && isCovered) entered.delete(other)
            }
          }
          for (const item of entered.keys()) expect([item, covers(item)]).toEqual([item, true])
          expect(outbox.size()).toBeLessThanOrEqual(capacity + 1)
          if (outbox.size() === 0) expect(outbox.items()).toEqual([])
        })
      }),
      { numRuns: runs(500) }
    )
  })

  it("becomes one clear of everything when it overflows", () => {
    const outbox = Outbox.make(2)
    for (const name of ["a", "b", "c"]) outbox.add(key(name))
    expect(outbox.items().map(([item]) => item)).toEqual([clear])
    expect(outbox.has("never entered")).toBe(true)
  })

  it("keeps a key that was added again while its first addition was being sent", () => {
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

  it("keeps the clear when a key entered while the clear was being sent", () => {
    const outbox = Outbox.make(0)
    outbox.add(key("a"))
    const [first] = outbox.items()
    outbox.add(key("b"))
    outbox.acknowledge(clear, first?.[1] ?? 0)
    expect(outbox.has("b")).toBe(true)
  })
})
