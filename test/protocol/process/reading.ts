/** Reads: the local tier, then Redis, then a flight. The generators are the algorithms of docs/protocol.md, step by step. */
import type { Source } from "../promises.js"
import type { Entry, Key } from "../servers/server.js"
import { joinFlight, refresh } from "./flight.js"
import type { Process } from "./process.js"
import type { Step } from "./step.js"
import { readEntry } from "./trust.js"

/** A caller that was late for this many flights starts one that no other caller joins. */
const maxJoins = 2

/** With `isRefresh`, a value from before the call is not accepted. */
export function* get(process: Process, key: Key, isRefresh = false): Step<void> {
  const { promises, rules } = process.world
  const check = promises.readStarts(process, key)
  let isOver = false
  const answer = (source: Source, version: number) => {
    isOver = true
    promises.readEnds(check, source, version)
  }
  try {
    if (isRefresh) process.moveEpoch(key)
    for (let joins = 0; ; joins++) {
      const isForced = isRefresh && joins === 0
      const local = isForced ? undefined : process.localHit(key)
      if (local !== undefined) return answer("Local", local.version)

      const found = isForced ? {} : yield* process.keep([joins, check], readRedis(process, key))
      if (found.fresh !== undefined) return answer("Redis", found.fresh.version)
      if (found.stale !== undefined) {
        refresh(process, key, found.stale)
        return answer("Stale", found.stale.version)
      }

      const newerThan = isForced ? process.serverTime() : (found.distrusted?.created ?? 0)
      const result = yield* process.keep(
        [joins, check, found.distrusted?.version],
        joinFlight(process, key, newerThan, joins >= maxJoins)
      )
      if (result._tag === "Value") {
        if (!result.late || !rules.has("lateCallersStartOver")) {
          return answer(result.source, result.version)
        }
      } else if (result._tag === "Failed" && found.distrusted !== undefined && !rules.has("distrustedIsMiss")) {
        return answer("Stale", found.distrusted.version)
      } else {
        isOver = true
        check.ended = result._tag !== "Stopped"
        return
      }
    }
  } finally {
    // interrupted: no caller waits for its end
    if (!isOver) check.excused = true
  }
}

interface Found {
  readonly fresh?: Entry
  readonly stale?: Entry
  readonly distrusted?: Entry
}

function* readRedis(process: Process, key: Key): Step<Found> {
  if (!process.mayRead(key)) return {}
  const epoch = process.epochOf(key)
  const asked = process.world.time
  const { entry, isTrusted } = (yield* process.keep([epoch, asked], readEntry(process, key))) ?? {}
  if (entry === undefined) return {}
  if (isTrusted !== true) return { distrusted: entry }
  if (process.isStale(entry)) return { stale: entry }
  process.putLocal(entry, asked, epoch)
  return { fresh: entry }
}
