/** Small worlds: two processes, one key, one tag and one fault, on one server and on two. */
import { type Rules, without } from "../rules.js"
import type { SmallWorld } from "./exhaustive.js"
import { clearAll, get, invalidate, invalidateTag, set, update } from "./operations.js"
import type { Fault, Operation } from "./scenario.js"

/** A message that wakes a waiter saves time and changes nothing else, so that its order need not be tried. */
const rules: Rules = without("waitersAreWoken")

const operations = {
  "a tag is invalidated": [invalidateTag(0), get(1)],
  "the cache is cleared": [clearAll(0), get(1)],
  "the key is invalidated": [invalidate(0), get(1)],
  "the key is updated": [update(0), get(1)],
  "the key is set": [set(0), get(1)]
} satisfies Record<string, ReadonlyArray<Operation>>

/** The clock of the markers' server, and the clock of the key's. */
const servers = {
  "one server": [9],
  "two servers, the markers' clock ahead": [9, 4],
  "two servers, the markers' clock behind": [9, 14]
} satisfies Record<string, ReadonlyArray<number>>

const faults: ReadonlyArray<Fault | undefined> = [
  undefined,
  "expireValue",
  "timeout",
  "break",
  "failoverBehind",
  "stop",
  "move"
]

const needsReplica = (fault: Fault | undefined): boolean => fault?.startsWith("failover") === true

/** From the smallest to those with more. */
export const smallWorlds: ReadonlyArray<SmallWorld & { readonly name: string }> = faults.flatMap((fault) =>
  Object.entries(servers).flatMap(([where, clocks]) =>
    Object.entries(operations).flatMap(([what, called]) => {
      if (clocks.length === 1 && (fault === "move" || needsReplica(fault))) return []
      return [
        {
          name: `${what}; ${where}; ${fault ?? "no fault"}`,
          scenario: {
            processes: 2,
            localTtl: 0,
            withMarkers: true,
            warm: true,
            serialised: what === "the key is set",
            ticks: 1,
            servers: clocks,
            faults: fault === undefined ? {} : { [fault]: 1 }
          },
          operations: called,
          rules
        }
      ]
    })
  )
)
