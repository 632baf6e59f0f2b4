/** The report of `bun run verify`. */
import { promises, type ReadCounts } from "./oracle.js"
import type { Report } from "./settings.js"

/** The share of reads that were not stale, as the number of its nines. */
export const ninesOf = (reads: number, stale: number): string =>
  stale === 0 ? `more than ${Math.floor(Math.log10(reads))}` : Math.log10(reads / stale).toFixed(1)

/** The processes' counts together. */
export const total = (reports: ReadonlyArray<Report>) => {
  const sum = (count: (report: Report) => number) => reports.reduce((sum, report) => sum + count(report), 0)
  const ofReads = (count: (reads: ReadCounts) => number) => sum(({ reads }) => count(reads))
  return {
    acknowledged: sum(({ acknowledged }) => acknowledged),
    kept: sum(({ kept }) => kept),
    updates: sum(({ updates }) => updates),
    compared: ofReads(({ compared }) => compared),
    local: ofReads(({ local }) => local),
    degraded: ofReads(({ degraded }) => degraded),
    atRest: ofReads(({ atRest }) => atRest),
    staleOf: promises.map((promise) => [promise, ofReads(({ stale }) => stale[promise])] as const),
    stale: ofReads(({ stale }) => promises.reduce((sum, promise) => sum + stale[promise], 0))
  }
}

const number = (count: number): string => count.toLocaleString("en")

export const text = (
  what: string,
  reports: ReadonlyArray<Report>,
  faults: ReadonlyMap<string, number>
): ReadonlyArray<string> => {
  const all = total(reports)
  const reads = all.compared + all.local + all.degraded + all.atRest
  const share = ((100 * all.degraded) / Math.max(1, reads)).toFixed(1)
  const stale = all.staleOf.filter(([, count]) => count > 0).map(([promise, count]) => `${number(count)} ${promise}`)
  return [
    what,
    `writes  ${number(all.acknowledged)} acknowledged, ${number(all.kept)} kept to be sent again, ${number(all.updates)} updates`,
    `reads   ${number(all.compared)} compared with all acknowledged writes (P1)`,
    `        ${number(all.local)} of a local tier, compared with those it must have heard (P2)`,
    `        ${number(all.atRest)} at rest, compared with all writes (P5)`,
    `        ${number(all.degraded)} without Redis (${share} %), compared with the writes of their process (P3)`,
    `faults  ${Array.from(faults, ([name, count]) => `${count} ${name}`).join(", ")}`,
    `stale   ${[number(all.stale), ...stale].join(": ")}, ${ninesOf(reads - all.degraded, all.stale)} nines`
  ]
}
