/** Rules 6 to 8: invalidations, sets and updates. */
import { get, invalidate, invalidateTag, set, update } from "../runs/operations.js"
import type { Script } from "../runs/run.js"
import type { Cases } from "./removed.js"

/** A set that may reach the server after the write that follows it. */
const lateSet = {
  breaks: "neverServedAgain",
  operations: [set(0), invalidate(1), get(2)],
  scenario: { processes: 3, serialised: true, localTtl: 0, faults: { timeout: 1 } }
} as const

const setOfUnknownOutcome: Script = [
  "process 0: set a is called",
  { all: "process 0: set a" },
  "timeout: process 0 Set a",
  { all: "process 0: set a" }
]

const readsAround = [get(1), invalidate(0), get(1)]

export const writing = {
  invalidateDeletesValue: {
    breaks: "noWrongValueLeft",
    operations: [invalidate(0)],
    scenario: { warm: true, faults: {} }
  },
  invalidateDeletesLease: { breaks: "noWrongValueLeft", operations: [get(1), invalidate(0)], scenario: { faults: {} } },
  invalidatePublishes: { breaks: "localBound", operations: readsAround, scenario: { warm: true, faults: {} } },
  publishMayFail: {
    breaks: "cachesAgain",
    operations: [invalidate(0)],
    scenario: { warm: true, mayNotPublish: [0], faults: {} }
  },
  epochMovesAfter: {
    breaks: "ownWritesSeen",
    operations: [get(0), invalidate(0), get(0)],
    scenario: { processes: 1, warm: true, faults: { resend: 1 } },
    seed: 67
  },
  setEndsLease: {
    breaks: "noWrongValueLeft",
    operations: [get(1), set(0)],
    scenario: { serialised: true, faults: {} }
  },
  setPublishes: {
    breaks: "localBound",
    operations: [get(1), set(0), get(1)],
    scenario: { serialised: true, warm: true, faults: {} }
  },
  setHasDeadline: {
    ...lateSet,
    script: [
      ...setOfUnknownOutcome,
      { all: "deadline of the set" },
      "process 1: invalidate a is called",
      { all: "process 1" },
      "the server runs Set a of process 0",
      "process 2: get a is called",
      { all: "process 2" }
    ]
  },
  setKeepsCaller: {
    ...lateSet,
    script: [
      ...setOfUnknownOutcome,
      "process 1: invalidate a is called",
      { all: "process 1" },
      "the server runs Set a of process 0",
      "process 2: get a is called",
      { all: "process 2" }
    ]
  },
  deadlineAllowsForSize: {
    breaks: "setIsStored",
    operations: [set(0)],
    scenario: { largeValues: true, faults: {} }
  },
  writtenNeedsEpoch: {
    breaks: "localBound",
    operations: [update(0), invalidate(1), get(0)],
    scenario: { faults: {} }
  },
  onlyLaterSetsFollow: {
    breaks: "ownWritesSeen",
    operations: [set(0), set(0), get(0)],
    scenario: { processes: 1, setsAtOnce: true, faults: {} }
  },
  writtenTimeFromStart: {
    breaks: "localBound",
    operations: [set(0), invalidate(1), get(0)],
    scenario: { faults: { busBreak: 1 } },
    script: [
      "busBreak: process 0",
      "process 0: set a is called",
      { all: "process 0: set a" },
      "the server runs Set a of process 0",
      "process 1: invalidate a is called",
      { all: "process 1" },
      "time passes",
      "time passes",
      "process 0 gets the reply to Set a",
      { all: "process 0: set a" },
      "process 0: get a is called",
      { all: "process 0: get a" }
    ]
  },
  updateKeptFromBegin: {
    breaks: "localBound",
    operations: [update(0), invalidateTag(1), get(0)],
    scenario: { withMarkers: true, faults: {} }
  },
  updatePlacesToken: {
    breaks: "noWrongValueLeft",
    operations: [update(0), update(1)],
    scenario: { faults: {} }
  },
  updateComparesToken: {
    breaks: "noWrongValueLeft",
    operations: [update(0), update(1)],
    scenario: { faults: {} }
  },
  updateDeletesOtherwise: {
    breaks: "noWrongValueLeft",
    operations: [update(0), update(1)],
    scenario: { faults: {} }
  },
  tokenOutlivesWrite: {
    breaks: "noWrongValueLeft",
    operations: [update(0), get(1)],
    scenario: { faults: { expireLease: 1, crash: 1 } },
    script: [
      "process 0: update a is called",
      { all: "process 0", except: "after: write" },
      "expireLease: a",
      "process 1: get a is called",
      { all: "process 1" },
      { all: "process 0", except: "after: written" },
      "crash: process 0"
    ]
  }
} satisfies Cases
