/** A value is looked up before an invalidation, and filled after it. */
import type { Script } from "../runs/run.js"

/** Process 1 looks up, and process 0 invalidates. */
export const lookedUpBefore = (what: "tag" | "clear"): Script => [
  "expireValue: a",
  "process 1: get a is called",
  { all: "process 1", except: "answer of the lookup" },
  `process 0: ${what} a is called`,
  { all: "process 0" }
]

/** Process 1 fills, and reads once more. */
export const filledAfter: Script = [{ all: "process 1" }, "process 1: get a is called", { all: "process 1" }]
