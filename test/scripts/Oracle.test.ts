/** The oracle of `bun run verify`, on histories that are written here. */
import { describe, expect, it } from "@effect/vitest"
import * as Oracle from "../../scripts/verify/oracle.js"
import * as Registers from "../../scripts/verify/registers.js"
import * as Report from "../../scripts/verify/report.js"

const id = 7

/** Two processes that share registers. The first one writes register 7. */
const history = () => {
  const memory = new ArrayBuffer(Registers.byteLength)
  const [writer, other] = [Registers.make(memory), Registers.make(memory)]
  const counter = Oracle.counter(1)
  return {
    writer,
    counter,
    write: (isAcknowledged: boolean, at = 0) => {
      writer.commit(id)
      writer.returned(id, isAcknowledged, at)
    },
    /** A read of one process begins now, and answers a version. */
    reads: (process: "writer" | "other", source: Oracle.Read["source"], version: number, isAtRest = false) => {
      const known = (process === "writer" ? writer : other).known(id)
      counter.note({ id, source, value: { id, version }, known, isAtRest })
    }
  }
}

const none = { key: 0, P1: 0, P2: 0, P3: 0, P5: 0 }

describe("the oracle of verify", () => {
  for (const source of ["Redis", "Lookup", "Stale"] as const) {
    it(`counts a read from ${source} that is older than a write acknowledged to another process`, () => {
      const { counter, reads, write } = history()
      write(true)
      reads("other", source, 1)
      expect(counter.counts().stale).toEqual(none)
      write(true)
      reads("other", source, 1)
      expect(counter.counts()).toMatchObject({ compared: 2, stale: { ...none, P1: 1 } })
    })
  }

  it("does not count a read that began before the acknowledgement", () => {
    const { counter, write, writer } = history()
    write(true)
    const known = writer.known(id)
    write(true)
    counter.note({ id, source: "Redis", value: { id, version: 1 }, known, isAtRest: false })
    expect(counter.counts().stale).toEqual(none)
  })

  it("does not count an old value where the write was not acknowledged, but for the process that wrote", () => {
    const { counter, reads, write } = history()
    write(false)
    reads("other", "Redis", 0)
    expect(counter.counts().stale).toEqual(none)
    reads("writer", "Redis", 0)
    expect(counter.counts().stale).toEqual({ ...none, P3: 1 })
  })

  it("compares a read without Redis with the writes of its own process only, and counts it apart", () => {
    const { counter, reads, write } = history()
    write(true)
    reads("other", "Degraded", 0)
    expect(counter.counts()).toMatchObject({ compared: 0, degraded: 1, stale: none })
    reads("writer", "Degraded", 0)
    expect(counter.counts()).toMatchObject({ compared: 0, degraded: 2, stale: { ...none, P3: 1 } })
  })

  it("lets a local tier lag until its time to live is over, and no longer", () => {
    const { counter, reads, write, writer } = history()
    write(true, 1000)
    writer.age(1000 + Registers.localMillis)
    reads("other", "Local", 0)
    expect(counter.counts().stale).toEqual(none)
    writer.age(1001 + Registers.localMillis)
    reads("other", "Local", 0)
    expect(counter.counts()).toMatchObject({ local: 2, stale: { ...none, P2: 1 } })
  })

  it("lets a local tier lag no longer than a message needs, while nothing is wrong", () => {
    const { counter, reads, write, writer } = history()
    writer.setCalm(true)
    write(true, 1000)
    writer.age(1000 + Registers.hearingMillis)
    reads("other", "Local", 0)
    expect(counter.counts().stale).toEqual(none)
    writer.age(1001 + Registers.hearingMillis)
    reads("other", "Local", 0)
    expect(counter.counts().stale).toEqual({ ...none, P2: 1 })
    writer.setCalm(false)
    reads("other", "Local", 0)
    expect(counter.counts().stale).toEqual({ ...none, P2: 1 })
  })

  it("ages each write by its own time", () => {
    const { counter, reads, write, writer } = history()
    write(true, 1000)
    write(true, 2000)
    writer.age(1001 + Registers.localMillis)
    reads("other", "Local", 1)
    expect(counter.counts().stale).toEqual(none)
    writer.age(2001 + Registers.localMillis)
    reads("other", "Local", 1)
    expect(counter.counts().stale).toEqual({ ...none, P2: 1 })
  })

  it("lets no local tier hide the writes of its own process", () => {
    const { counter, reads, write } = history()
    write(true)
    reads("writer", "Local", 0)
    expect(counter.counts().stale).toEqual({ ...none, P3: 1 })
  })

  for (const source of ["Redis", "Local", "Degraded"] as const) {
    it(`counts a read from ${source} at rest that is older than any write, acknowledged or not`, () => {
      const { counter, reads, write } = history()
      write(false)
      reads("other", source, 0, true)
      expect(counter.counts()).toMatchObject({ atRest: 1, stale: { ...none, P5: 1 } })
    })
  }

  it("counts the value of another key, and says what it was", () => {
    const { counter, writer } = history()
    const value = { id: id + 1, version: 9 }
    counter.note({ id, source: "Redis", value, known: writer.known(id), isAtRest: false })
    const { examples, stale } = counter.counts()
    expect(stale).toEqual({ ...none, key: 1 })
    expect(examples.join()).toContain(`version 9 of ${value.id} from Redis as ${id}`)
  })
})

describe("the registers of verify", () => {
  const ids = Array.from({ length: Registers.registerCount }, (_, id) => id)

  it("have one writer each, and each writer has registers in every cache", () => {
    const found = new Set<number>()
    for (let process = 0; process < Registers.processes; process++) {
      for (let writer = 0; writer < Registers.writers; writer++) {
        const own = Array.from({ length: Registers.registersOfWriter }, (_, i) => Registers.idOf(process, writer, i))
        for (const id of own) found.add(id)
        expect(new Set(own.map(Registers.cacheOf)).size).toBe(Registers.cacheCount)
        expect(new Set(own.map(Registers.tagOf)).size).toBe(1)
      }
    }
    expect(found).toEqual(new Set(ids))
  })
})

describe("the report of verify", () => {
  it("adds the processes, and counts the nines of the reads that were compared", () => {
    const reads = { compared: 900, local: 50, degraded: 1000, atRest: 50, stale: { ...none, P1: 1 }, examples: [] }
    const report = { reads, acknowledged: 500, kept: 7, updates: 3, rests: 1, checks: 1 }
    const lines = Report.text("cluster", [report, report], new Map([["kill -9", 2]])).join("\n")
    expect(lines).toContain("1,000 acknowledged, 14 kept")
    expect(lines).toContain("2,000 without Redis (50.0 %)")
    expect(lines).toContain("2 kill -9")
    expect(lines).toContain("2: 2 P1, 3.0 nines")
  })

  it("shows as many nines as its reads can tell, where none was stale", () => {
    expect(Report.ninesOf(1_500_000, 0)).toBe("more than 6")
    expect(Report.ninesOf(1_000_000, 1)).toBe("6.0")
  })
})
