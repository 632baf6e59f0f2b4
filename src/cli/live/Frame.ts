/**
 * One picture of `effect-cache top`.
 *
 * @internal
 */
import * as Screen from "../frame/Screen.js"
import * as ServerInfo from "../frame/ServerInfo.js"
import type { CacheRow } from "./CacheSample.js"
import type { ServerRow } from "./ServerSample.js"

export interface Picture {
  readonly time: string
  readonly servers: ReadonlyArray<ServerRow>
  readonly caches: ReadonlyArray<CacheRow>
  /** why a part of it is missing */
  readonly problems: ReadonlyArray<string>
}

const rate = (perSecond: number): string => (perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(1))

const percent = (share: number): string => `${Math.round(share * 100)}%`

const millis = (value: number | undefined): string => (value === undefined ? "-" : value.toFixed(2))

const count = (value: number | undefined): string => (value === undefined ? "-" : `${value}`)

const memory = ({ maxBytes = 0, usedBytes }: ServerRow): string => {
  if (usedBytes === undefined) return "-"
  const used = ServerInfo.megabytes(usedBytes)
  return maxBytes === 0 ? used : `${used} (${percent(usedBytes / maxBytes)})`
}

const serverHead = ["SERVER", "STATE", "CIRCUIT", "MS", "COMMANDS/S", "CLIENTS", "MEMORY", "EVICTED"]

const serverRow = (row: ServerRow): ReadonlyArray<string> => [
  row.address,
  row.state,
  row.circuit,
  millis(row.latencyMillis),
  count(row.commandsPerSecond),
  count(row.clients),
  memory(row),
  count(row.evicted)
]

const cacheHead = [
  "CACHE",
  "READS/S",
  "LOCAL",
  "REDIS",
  "MISS",
  "STALE/S",
  "DEGRADED/S",
  "LOOKUPS/S",
  "FAILED/S",
  "REDIS P50",
  "P99",
  "LOOKUP P99",
  "ENTRIES",
  "OUTBOX"
]

const cacheRow = (row: CacheRow): ReadonlyArray<string> => [
  Screen.plain(row.name),
  rate(row.readsPerSecond),
  percent(row.local),
  percent(row.redis),
  percent(row.missed),
  rate(row.stalePerSecond),
  rate(row.degradedPerSecond),
  rate(row.lookupsPerSecond),
  rate(row.failuresPerSecond),
  millis(row.redisP50),
  millis(row.redisP99),
  millis(row.lookupP99),
  count(row.localEntries),
  count(row.outbox)
]

/** The busiest caches come first. */
export const lines = ({ caches, problems, servers, time }: Picture): ReadonlyArray<string> => {
  const busiest = [...caches].sort((one, other) => other.readsPerSecond - one.readsPerSecond)
  return [
    `effect-cache top  ${time}`,
    ...problems.map((problem) => `! ${Screen.plain(problem)}`),
    ...(servers.length === 0 ? [] : ["", ...Screen.table([serverHead, ...servers.map(serverRow)])]),
    ...(caches.length === 0 ? [] : ["", ...Screen.table([cacheHead, ...busiest.map(cacheRow)])])
  ]
}

/** The lines as they fit a terminal, with the last one for the keys. */
export const fitted = (lines: ReadonlyArray<string>, columns: number, rows: number): string =>
  [...lines.slice(0, Math.max(rows - 2, 1)), "", "q or Ctrl-C quits"]
    .map((line) => line.slice(0, Math.max(columns, 1)))
    .join("\r\n")
