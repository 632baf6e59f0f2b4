import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Order from "effect/Order"
import * as OrderedSet from "../../../src/redis/memory/store/OrderedSet.js"

interface Item {
  readonly at: number
  readonly payload?: string
}

const byAt = Order.mapInput(Order.number, ({ at }: Item) => at)

const setOf = (items: Iterable<Item>): OrderedSet.OrderedSet<Item, Item> => {
  let set = OrderedSet.empty<Item, Item>(byAt)
  for (const item of items) set = OrderedSet.insert(set, item)
  return set
}

const elements = (set: OrderedSet.OrderedSet<Item, Item>): Array<Item> => OrderedSet.slice(set, 0, OrderedSet.size(set))

const depth = (node: OrderedSet.OrderedSet<Item, Item>["root"]): number =>
  node === undefined ? 0 : 1 + Math.max(depth(node.left), depth(node.right))

const edits = fc.array(fc.record({ remove: fc.boolean(), at: fc.integer({ min: 0, max: 60 }) }), { maxLength: 200 })

describe("an ordered set", () => {
  it.prop("holds what a sorted array holds after any insertions and removals", [edits], ([edits]) => {
    let set = OrderedSet.empty<Item, Item>(byAt)
    let expected: Array<number> = []
    for (const { at, remove } of edits) {
      set = remove ? OrderedSet.remove(set, { at }) : OrderedSet.insert(set, { at })
      expected = expected.filter((other) => other !== at)
      if (!remove) expected = [...expected, at].sort((a, b) => a - b)
      expect(OrderedSet.size(set)).toBe(expected.length)
    }
    expect(elements(set).map(({ at }) => at)).toEqual(expected)
    for (const [rank, at] of expected.entries()) {
      expect(OrderedSet.at(set, rank)).toEqual({ at })
      expect(OrderedSet.find(set, { at })).toEqual({ at })
      expect(OrderedSet.countBefore(set, (item) => item.at < at)).toBe(rank)
    }
  })

  it.prop(
    "cuts out any range of ranks",
    [fc.nat(30), fc.integer({ min: -5, max: 35 }), fc.integer({ min: -5, max: 35 })],
    ([size, start, end]) => {
      const items = Array.from({ length: size }, (_, at) => ({ at }))
      expect(OrderedSet.slice(setOf(items), start, end)).toEqual(items.filter(({ at }) => start <= at && at < end))
    }
  )

  it("replaces the element at a position", () => {
    const set = setOf([{ at: 1, payload: "old" }, { at: 2 }, { at: 1, payload: "new" }])
    expect(elements(set)).toEqual([{ at: 1, payload: "new" }, { at: 2 }])
  })

  it("leaves the set that it was made from as it was", () => {
    const before = setOf([{ at: 1 }, { at: 2 }])
    OrderedSet.remove(OrderedSet.insert(before, { at: 3 }), { at: 1 })
    expect(elements(before)).toEqual([{ at: 1 }, { at: 2 }])
  })

  it("knows nothing beyond its ends", () => {
    const set = setOf([{ at: 1 }])
    expect([OrderedSet.at(set, -1), OrderedSet.at(set, 1), OrderedSet.find(set, { at: 2 })]).toEqual([
      undefined,
      undefined,
      undefined
    ])
    expect(OrderedSet.remove(set, { at: 2 })).toBe(set)
  })

  it("stays shallow when elements come and go in order", () => {
    let set = setOf(Array.from({ length: 10_000 }, (_, at) => ({ at })))
    expect(depth(set.root)).toBeLessThanOrEqual(2.5 * Math.log2(10_000))
    for (let at = 0; at < 9_000; at++) set = OrderedSet.remove(set, { at })
    expect(depth(set.root)).toBeLessThanOrEqual(2.5 * Math.log2(1_000))
  })
})
