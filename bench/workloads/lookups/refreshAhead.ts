import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Table } from "../../report/Outcome.js"
import { BenchServer, emptied } from "../../run/BenchServer.js"
import type { Workload } from "../Workload.js"
import * as LookupsProcess from "./LookupsProcess.js"
import * as LookupTimes from "./LookupTimes.js"

const processCounts = [1, 4]

const rows = 10

const callers = 8

const lookupMillis = 50

const timeToLiveMillis = 1_000

/** how many times each row expires, or would */
const expiries = 6

const caches = [
  ["toolkit, beta: 1", "toolkit, beta"],
  ["toolkit, after: 0.8", "toolkit, after"],
  ["toolkit without refresh-ahead", "toolkit"],
  ["XFetch, β = 1", "xfetch"],
  ["Bun client, GET then SET", "bare"]
] as const

const nameOf = (processes: number): string => (processes === 1 ? "1 process" : `${processes} processes`)

const measured = (url: string, subject: string, cache: LookupsProcess.Cache, processes: number) =>
  Effect.gen(function* () {
    const { all, first } = yield* LookupsProcess.start(url, { cache, processes, lookupMillis, timeToLiveMillis })
    // without a stampede at the start, which is not what is compared
    yield* first("read", 0, 20 * rows, 1, rows)
    const seen = yield* all("readHot", expiries * timeToLiveMillis, callers, rows)
    const lookups = seen.flatMap((one) => one.lookups)
    const waited = (100 * LookupsProcess.total(seen, "waited")) / LookupsProcess.total(seen, "reads")
    const cells = [
      (lookups.length / LookupTimes.expiries(lookupMillis, lookups)).toFixed(2),
      (lookups.length / (rows * expiries)).toFixed(2),
      `${waited.toFixed(2)} %`
    ]
    yield* Console.log(`  ${nameOf(processes)}: ${[subject, ...cells].join(", ")}`)
    return [subject, ...cells]
  }).pipe(Effect.scoped, emptied)

export const refreshAhead: Workload = {
  name: "refresh-ahead",
  description: `Hot values that expire: refresh-ahead beside XFetch (A. Vattani, F. Chierichetti, K. Lowenstein, VLDB 2015), where each read decides alone and waits for its lookup. ${rows} rows with a time to live of 1 second, lookups of ${lookupMillis} ms, and ${callers} callers in each process that read every 10 ms. Lookups of a row that overlap belong to one expiry. A read has waited when it took half of a lookup's time.`,
  run: () =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const tables = yield* Effect.forEach(processCounts, (processes) =>
        Effect.map(
          Effect.forEach(caches, ([subject, cache]) => measured(url, subject, cache, processes)),
          (tableRows): Table => ({
            head: [
              nameOf(processes),
              "lookups for each expiry",
              "lookups of a row in each time to live",
              "reads that waited for one"
            ],
            rows: tableRows
          })
        )
      )
      return { results: [], quantities: [], tables }
    })
}
