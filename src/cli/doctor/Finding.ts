/**
 * What `doctor` has found, and what to do about it.
 *
 * @internal
 */
import { plain } from "../frame/Screen.js"

/**
 * - `ok`: as it should be
 * - `note`: worth knowing, and nothing to do
 * - `warning`: works now, and will hurt one day
 * - `error`: something of the toolkit does not work
 */
export type Level = "ok" | "note" | "warning" | "error"

export interface Finding {
  /** which check has found it; the names are stable, so that alerts may go by them */
  readonly check: Check
  readonly level: Level
  /** the server, without user and password; absent where it concerns all of them */
  readonly server?: string | undefined
  readonly message: string
  /** what to do; absent where nothing is to be done */
  readonly remedy?: string | undefined
}

export type Check =
  | "reach"
  | "version"
  | "rights"
  | "tracking"
  | "lua"
  | "clock"
  | "eviction"
  | "memory"
  | "clients"
  | "persistence"
  | "latency"
  | "role"
  | "replicas"
  | "slots"
  | "tls"
  | "options"

const marks: Record<Level, string> = { ok: "ok     ", note: "note   ", warning: "WARNING", error: "ERROR  " }

/** The lines of a finding on the screen. Servers chose some of its words. */
export const lines = ({ check, level, message, remedy, server }: Finding): ReadonlyArray<string> => [
  `${marks[level]}  ${check.padEnd(11)}  ${server === undefined ? "" : `${server}: `}${plain(message)}`,
  ...(remedy === undefined ? [] : [`${" ".repeat(22)}→ ${plain(remedy)}`])
]
