import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Sieve from "../../../src/internal/collection/Sieve.js"
import { runs } from "../../support/effort.js"

interface Kept extends Sieve.Item {
  readonly value: number
}

interface Removal {
  readonly value: number
  readonly isEvicted: boolean
}

const sieve = (capacity: number, maxSize?: number) => {
  const removed: Array<Removal> = []
  const made = new Sieve.Sieve<Kept>({
    capacity,
    maxSize,
    onRemoved: (_name, { value }, isEvicted) => {
      removed.push({ value, isEvicted })
    }
  })
  let values = 0
  return {
    sieve: made,
    removed,
    /** numbers the added items, from 1 */
    add: (name: string, size = 1) => made.add(name, { size, value: ++values, visited: false }),
    names: (names: ReadonlyArray<string>) => names.filter((name) => made.get(name) !== undefined)
  }
}

/**
 * The algorithm of the paper's first listing. The head of a queue is the newest object. A hand moves from the tail to the
 * head, and starts again at the tail. When the object under the hand is deleted, the hand moves to the next one.
 */
class PaperSieve {
  /** the head first */
  private queue: Array<{ name: string; size: number; value: number; visited: boolean }> = []
  private hand: string | undefined
  removed: Array<Removal> = []

  constructor(
    private readonly capacity: number,
    private readonly maxSize: number
  ) {}

  get count() {
    return this.queue.length
  }

  get(name: string): number | undefined {
    const object = this.queue.find((object) => object.name === name)
    if (object !== undefined) object.visited = true
    return object?.value
  }

  add(name: string, size: number, value: number): boolean {
    this.delete(name)
    if (this.capacity < 1 || size > this.maxSize) return false
    while (this.queue.length === this.capacity || this.sizes() + size > this.maxSize) this.evict()
    this.queue.unshift({ name, size, value, visited: false })
    return true
  }

  delete(name: string): void {
    const at = this.queue.findIndex((object) => object.name === name)
    if (at >= 0) this.takeOut(at, false, this.queue[at]?.name === this.hand)
  }

  clear(): void {
    while (this.queue.length > 0) this.takeOut(0, false, false)
    this.hand = undefined
  }

  private sizes(): number {
    return this.queue.reduce((sum, { size }) => sum + size, 0)
  }

  private evict(): void {
    const tail = this.queue.length - 1
    let at = this.hand === undefined ? tail : this.queue.findIndex(({ name }) => name === this.hand)
    for (let object = this.queue[at]; object?.visited === true; object = this.queue[at]) {
      object.visited = false
      at = at === 0 ? tail : at - 1
    }
    this.takeOut(at, true, true)
  }

  private takeOut(at: number, isEvicted: boolean, movesHand: boolean): void {
    if (movesHand) this.hand = this.queue[at - 1]?.name
    for (const { value } of this.queue.splice(at, 1)) this.removed.push({ value, isEvicted })
  }
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

describe("SIEVE", () => {
  const name = fc.constantFrom(...names("k", 9))
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ op: fc.constant("get" as const), name }) },
    { weight: 8, arbitrary: fc.record({ op: fc.constant("add" as const), name, size: fc.nat({ max: 12 }) }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("delete" as const), name }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("clear" as const) }) }
  )
  const programs = fc.record({
    capacity: fc.integer({ min: 0, max: 6 }),
    maxSize: fc.option(fc.nat({ max: 20 }), { nil: undefined }),
    steps: fc.array(step, { maxLength: 60, size: "max" })
  })

  it("evicts like the paper's algorithm for any sequence of reads, adds and deletes", () => {
    fc.assert(
      fc.property(programs, ({ capacity, maxSize, steps }) => {
        const { add, removed, sieve: made } = sieve(capacity, maxSize)
        const model = new PaperSieve(capacity, maxSize ?? Number.POSITIVE_INFINITY)
        let added = 0
        for (const step of steps) {
          removed.length = 0
          model.removed = []
          if (step.op === "get") expect(made.get(step.name)?.value).toBe(model.get(step.name))
          else if (step.op === "add") expect(add(step.name, step.size)).toBe(model.add(step.name, step.size, ++added))
          else if (step.op === "delete") {
            made.delete(step.name)
            model.delete(step.name)
          } else {
            made.clear()
            model.clear()
            // the order of simultaneous evictions does not matter
            for (const all of [removed, model.removed]) all.sort((one, other) => one.value - other.value)
          }
          expect(removed).toEqual(model.removed)
          expect(made.count).toBe(model.count)
        }
      }),
      { numRuns: runs(3_000) }
    )
  })

  it("reports each removed item exactly once, and no other", () => {
    fc.assert(
      fc.property(programs, ({ capacity, maxSize, steps }) => {
        const { add, removed, sieve: made } = sieve(capacity, maxSize)
        const kept = new Set<number>()
        let added = 0
        for (const step of steps) {
          if (step.op === "get") made.get(step.name)
          else if (step.op === "add") {
            added++
            if (add(step.name, step.size)) kept.add(added)
          } else if (step.op === "delete") made.delete(step.name)
          else made.clear()
          for (const { value } of removed.splice(0)) expect(kept.delete(value), `${value} was kept`).toBe(true)
          expect(made.count).toBe(kept.size)
        }
        made.clear()
        expect(removed.map(({ value }) => value).sort()).toEqual(Array.from(kept).sort())
      }),
      { numRuns: runs(1_000) }
    )
  })

  it("keeps an item that was read, and evicts a later one that was not", () => {
    const { add, names, removed } = sieve(3)
    for (const name of ["a", "b", "c"]) add(name)
    names(["a"])
    add("d")
    expect(removed).toEqual([{ value: 2, isEvicted: true }])
    expect(names(["a", "b", "c", "d"])).toEqual(["a", "c", "d"])
  })

  it("evicts the oldest item if none was read, or all were", () => {
    for (const asksFor of [[], ["a", "b", "c"]]) {
      const { add, names } = sieve(3)
      for (const name of ["a", "b", "c"]) add(name)
      names(asksFor)
      add("d")
      expect(names(["a", "b", "c", "d"])).toEqual(["b", "c", "d"])
    }
  })

  it("treats an item that the hand has passed as unread until its next read", () => {
    const { add, names } = sieve(3)
    for (const name of ["a", "b", "c"]) add(name)
    names(["a", "b"])
    // passes a and b, evicts c, and reaches the newest
    add("d")
    names(["b"])
    add("e")
    add("f")
    expect(names(["a", "b", "c", "d", "e", "f"])).toEqual(["b", "e", "f"])
  })

  it("leaves the hand where it is while items are replaced, however many", () => {
    const { add, names: present } = sieve(4)
    for (const name of ["a", "b", "c", "d"]) add(name)
    present(["a", "b"])
    // passes a and b, evicts c, and is on d
    add("e")
    for (let i = 0; i < 20; i++) add("e")
    add("f")
    expect(present(["a", "b", "d", "e", "f"])).toEqual(["a", "b", "e", "f"])
  })

  it("keeps items that are read during a scan of any length", () => {
    const { add, names: present } = sieve(100)
    const hot = names("hot", 50)
    for (const name of hot) add(name)
    present(hot)
    for (const name of names("scanned", 10_000)) add(name)
    expect(present(hot)).toEqual(hot)
  })

  it("works after a clear, and after the deletion of its last item", () => {
    const { add, names, sieve: made } = sieve(2)
    for (const empty of [() => made.clear(), () => ["a", "b", "c"].forEach((name) => void made.delete(name))]) {
      for (const name of ["a", "b", "c"]) add(name)
      expect(names(["a", "b", "c"])).toEqual(["b", "c"])
      empty()
      expect([made.count, names(["a", "b", "c"])]).toEqual([0, []])
    }
    add("a", 2)
    add("b", 2)
    expect(names(["a", "b"])).toEqual(["a", "b"])
  })

  it("evicts as many items as a new one needs, and adds none that is too large alone", () => {
    const { add, names, removed, sieve: made } = sieve(10, 10)
    for (const name of ["a", "b", "c"]) add(name, 3)
    expect(add("d", 7)).toBe(true)
    expect(names(["a", "b", "c", "d"])).toEqual(["c", "d"])
    expect(add("d", 11)).toBe(false)
    expect(names(["c", "d"])).toEqual(["c"])
    expect(removed).toEqual([
      { value: 1, isEvicted: true },
      { value: 2, isEvicted: true },
      { value: 4, isEvicted: false }
    ])
    // the sizes of removed items no longer count
    expect(add("e", 7)).toBe(true)
    expect(made.count).toBe(2)
  })

  it("reports no eviction of an item that was replaced, deleted or cleared", () => {
    const { add, removed, sieve: made } = sieve(2)
    add("a")
    add("a")
    made.delete("a")
    made.delete("a")
    add("b")
    made.clear()
    expect(removed).toEqual([1, 2, 3].map((value) => ({ value, isEvicted: false })))
  })
})
