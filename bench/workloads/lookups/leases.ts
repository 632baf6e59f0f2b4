import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Table } from "../../report/Outcome.js"
import { BenchServer, emptied } from "../../run/BenchServer.js"
import type { Workload } from "../Workload.js"
import * as LookupsProcess from "./LookupsProcess.js"
import * as LookupTimes from "./LookupTimes.js"

const processes = 4

const rows = 1_000

/** of each process, in the stampede: each row is read twenty times by each process */
const reads = 20 * rows
const callers = 128

/** a query of a database that is not near */
const lookupMillis = 20

/** in which lookups are counted for the peak */
const windowMillis = 100

/** of each process, while all write too */
const readsBesideWrites = 5 * rows
const callersBesideWrites = 16

const caches = [
  ["toolkit", "toolkit"],
  ["bentocache", "bentocache"],
  ["cacheable", "cacheable"],
  ["Bun client, GET then SET", "bare"]
] as const

/** The most lookups that began within one window, for a second. */
const peakOf = (seen: ReadonlyArray<LookupsProcess.Seen>): number =>
  (1_000 *
    LookupTimes.mostWithin(
      windowMillis,
      seen.flatMap(({ lookups }) => lookups)
    )) /
  windowMillis

const lookupsOf = (seen: ReadonlyArray<LookupsProcess.Seen>): number =>
  seen.reduce((sum, { lookups }) => sum + lookups.length, 0)

const count = (number: number): string => number.toLocaleString("en-US")

/** The row of a cache in each of the two tables. */
const measured = (url: string, subject: string, cache: LookupsProcess.Cache) =>
  Effect.gen(function* () {
    const options = { cache, processes, lookupMillis, timeToLiveMillis: 3_600_000 }
    const stampede = yield* Effect.scoped(
      Effect.flatMap(LookupsProcess.start(url, options), ({ all }) => all("read", reads, callers, rows))
    ).pipe(emptied)
    const [seen, left] = yield* Effect.scoped(
      Effect.gen(function* () {
        const { all, first } = yield* LookupsProcess.start(url, options)
        const seen = yield* all("readAndWrite", readsBesideWrites, callersBesideWrites, rows, processes)
        return [seen, yield* first("countStale", rows)] as const
      })
    ).pipe(emptied)
    const sum = (which: Parameters<typeof LookupsProcess.total>[1]) => LookupsProcess.total(seen, which)
    const stale = sum("stale")
    const percent = ((100 * stale) / sum("reads")).toFixed(2)
    const inStampede = [subject, count(lookupsOf(stampede)), `${count(peakOf(stampede))} per second`]
    const besideWrites = [
      subject,
      ...[sum("reads"), sum("writes"), lookupsOf(seen)].map(count),
      `${count(stale)} (${percent} %)`,
      count(left.stale),
      cache === "toolkit" ? count(sum("fillsRejected")) : ""
    ]
    yield* Console.log(`  ${inStampede.join(", ")}; ${besideWrites.slice(1).join(", ")}`)
    return { inStampede, besideWrites }
  })

export const leases: Workload = {
  name: "leases",
  description: `What reaches the database with leases and without, as in "Scaling Memcache at Facebook" (R. Nishtala et al., NSDI 2013, section 3.2.1). First ${processes} processes of ${callers} callers read ${rows.toLocaleString("en-US")} rows of which none is cached, by lookups of ${lookupMillis} ms. Then they read, and after each twentieth read write a row and invalidate it. A lookup that has read the old row must not store it after that: a stale set. A stale read answers an older row than one whose invalidation had returned before the read; a row stays stale until its time to live ends.`,
  run: () =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const measurements = yield* Effect.forEach(caches, ([subject, cache]) => measured(url, subject, cache))
      const tables: ReadonlyArray<Table> = [
        {
          head: ["none cached", "lookups", `in the busiest ${windowMillis} ms`],
          rows: measurements.map(({ inStampede }) => inStampede)
        },
        {
          head: [
            "rows are written",
            "reads",
            "writes",
            "lookups",
            "stale reads",
            "rows that stay stale",
            "stale sets prevented"
          ],
          rows: measurements.map(({ besideWrites }) => besideWrites)
        }
      ]
      return { results: [], quantities: [], tables }
    })
}
