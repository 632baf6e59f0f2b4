/** Rules 3 to 5: the lease, and the fill under it. */
import { get, invalidate, invalidateTag } from "../runs/operations.js"
import { lookedUpBefore } from "./lateFill.js"
import type { Cases } from "./removed.js"

export const loading = {
  acquireIsOneScript: { breaks: "noNeedlessLookup", operations: [get(0), get(1)], scenario: { faults: {} } },
  sameTokenGrantedAgain: { breaks: "noEndlessWait", operations: [get(0)], scenario: { faults: { timeout: 1 } } },
  tokenPerFlight: {
    breaks: "noWrongValueLeft",
    operations: [get(0), invalidate(1), get(0)],
    scenario: { faults: {} }
  },
  contradictionsEnd: {
    breaks: "everyReadEnds",
    operations: [get(1), get(0)],
    scenario: { localTtl: 0, faults: { lag: 1 } }
  },
  leaseExpires: { breaks: "cachesAgain", operations: [get(0)], scenario: { faults: { crash: 1 } } },
  leaseRenewed: { breaks: "oneLookup", operations: [get(0), get(1)], scenario: { faults: { expireLease: 1 } } },
  leaseReleased: {
    breaks: "noEndlessWait",
    operations: [get(0), get(1)],
    scenario: { faults: { lookupFails: 1 } }
  },
  leaseReleasedByCompare: {
    breaks: "oneLookup",
    operations: [get(0), invalidate(1), get(1), get(2)],
    scenario: { processes: 3, faults: { interrupt: 1 } },
    seed: 12
  },
  waitersPoll: { breaks: "everyReadEnds", operations: [get(0), get(1)], scenario: { faults: { busBreak: 1 } } },
  waitersHaveBound: { breaks: "everyReadEnds", operations: [get(0), get(1)], scenario: { faults: { lookupHangs: 1 } } },
  fillComparesToken: { breaks: "noWrongValueLeft", operations: [get(1), invalidate(0)], scenario: { faults: {} } },
  fillEndsLease: {
    breaks: "noEndlessWait",
    operations: [get(0), get(0)],
    scenario: { processes: 1, faults: { expireValue: 1 } }
  },
  fillReadsMarkers: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, localTtl: 0, faults: { expireValue: 2 }, warm: true },
    script: [
      ...lookedUpBefore("tag"),
      // joins the flight
      "process 1: get a is called",
      { all: "process 1: get a" },
      "the server runs GET a of process 1",
      "process 1 gets the reply to GET a",
      { all: "process 1: get a" },
      { all: "process 1: flight" },
      { all: "Ensure markers" },
      { all: "process 1: flight" },
      { all: "Fill a" },
      { all: "process 1: flight" },
      { all: "process 1: get a" }
    ]
  },
  localTimeFromMarkers: {
    breaks: "localBound",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, faults: { expireValue: 1 } },
    script: [
      "expireValue: a",
      "process 1: get a is called",
      { all: "process 1", except: "gets the reply to Ensure markers" },
      "process 0: tag a is called",
      { all: "process 0" },
      "time passes",
      "process 1 gets the reply to Ensure markers",
      { all: "process 1: flight" },
      { all: "Fill a" },
      { all: "process 1: flight" },
      "time passes",
      "process 1: get a is called",
      { all: "process 1: get" }
    ]
  }
} satisfies Cases
