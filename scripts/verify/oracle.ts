/** Judges the reads of `bun run verify`: which promise of docs/protocol.md a read breaks, by what its reader knew before. */
import * as Schema from "effect/Schema"
import type { CacheResult } from "../../src/cache/read/CacheResult.js"
import type { Known } from "./registers.js"

/** A value names its register, so that a value of another key is noticed. */
export const Value = Schema.Struct({ id: Schema.Int, version: Schema.Int })

export type Value = typeof Value.Type

export interface Read {
  readonly id: number
  readonly source: CacheResult<Value>["source"]
  readonly value: Value
  /** what was known when the read began */
  readonly known: Known
  /** whether no write was under way and no fault, and all invalidations had been sent */
  readonly isAtRest: boolean
}

/** The promises that a read can break. `key`: it answers the value of another key. */
export const promises = ["key", "P1", "P2", "P3", "P5"] as const

export interface Violation {
  readonly promise: (typeof promises)[number]
  /** the version that the read may not fall below */
  readonly least: number
}

const judge = ({ id, isAtRest, known, source, value }: Read): Violation | undefined => {
  if (value.id !== id) return { promise: "key", least: 0 }
  const breaks = (promise: Violation["promise"], least: number): Violation | undefined =>
    value.version < least ? { promise, least } : undefined
  const own = breaks("P3", known.own)
  if (own !== undefined) return own
  if (isAtRest) return breaks("P5", known.written)
  // a process without Redis cannot hear of the writes of others
  if (source === "Degraded") return undefined
  return source === "Local" ? breaks("P2", known.heard) : breaks("P1", known.acknowledged)
}

const examplesOfProcess = 5

const Count = Schema.Int

/** The reads that a process has judged. */
export const ReadCounts = Schema.Struct({
  /** those that were compared with every acknowledged write */
  compared: Count,
  /** those of a local tier, which may lag */
  local: Count,
  /** those without Redis, which were compared with the writes of their own process */
  degraded: Count,
  /** those at rest, which were compared with every write */
  atRest: Count,
  stale: Schema.Struct({ key: Count, P1: Count, P2: Count, P3: Count, P5: Count }),
  /** the first stale ones */
  examples: Schema.Array(Schema.String)
})

export interface ReadCounts extends Schema.Schema.Type<typeof ReadCounts> {}

export interface ReadCounter {
  readonly note: (read: Read) => void
  readonly counts: () => ReadCounts
}

/** Counts the reads of one process. */
export const counter = (process: number): ReadCounter => {
  const reads = { compared: 0, local: 0, degraded: 0, atRest: 0 }
  const stale = { key: 0, P1: 0, P2: 0, P3: 0, P5: 0 }
  const examples: Array<string> = []
  return {
    note: (read) => {
      const { id, isAtRest, source, value } = read
      reads[isAtRest ? "atRest" : source === "Degraded" ? "degraded" : source === "Local" ? "local" : "compared"]++
      const violation = judge(read)
      if (violation === undefined) return
      stale[violation.promise]++
      if (examples.length === examplesOfProcess) return
      const what = `process ${process} read version ${value.version} of ${value.id} from ${source}`
      examples.push(
        `${new Date().toISOString()} ${violation.promise}: ${what} as ${id}, at least ${violation.least} was due`
      )
    },
    counts: () => ({ ...reads, stale: { ...stale }, examples })
  }
}
