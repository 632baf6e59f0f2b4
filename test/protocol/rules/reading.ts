/** Rules 1 and 2: reads, and the flights that they share. */
import { get, invalidate, invalidateTag } from "../runs/operations.js"
import type { Cases } from "./removed.js"

const readsAround = [get(1), invalidate(0), get(1)]

export const reading = {
  localPutNeedsEpoch: {
    breaks: "ownWritesSeen",
    operations: [get(0), invalidate(0), get(0)],
    scenario: { warm: true, faults: { break: 1 } }
  },
  localTimeFromRequest: {
    breaks: "localBound",
    operations: [get(1), invalidate(0), get(1)],
    scenario: { warm: true, faults: { busBreak: 1 } },
    script: [
      "busBreak: process 1",
      "process 1: get a is called",
      { all: "process 1: get" },
      "the server runs GET a of process 1",
      "process 0: invalidate a is called",
      { all: "process 0" },
      "time passes",
      "time passes",
      "process 1 gets the reply to GET a",
      { all: "process 1: get" },
      "process 1: get a is called",
      { all: "process 1: get" }
    ]
  },
  distrustedIsMiss: {
    breaks: "neverServedAgain",
    operations: [invalidateTag(0), get(1)],
    scenario: { warm: true, withMarkers: true, faults: { lookupFails: 1 } }
  },
  oneFlight: { breaks: "oneLookup", operations: [get(0), get(0)], scenario: { faults: { break: 1 } } },
  flightPerEpoch: {
    breaks: "ownWritesSeen",
    operations: [get(0), invalidate(0), get(0)],
    scenario: { processes: 1, faults: { break: 1 } },
    seed: 31
  },
  lateCallersStartOver: { breaks: "neverServedAgain", operations: readsAround, scenario: { faults: {} }, seed: 11 },
  unconfirmedWhileAway: {
    breaks: "neverServedAgain",
    operations: [invalidate(0), get(0), invalidate(1), get(0)],
    scenario: { faults: { reject: 1 } },
    script: [
      "process 0: invalidate a is called",
      { all: "process 0: invalidate" },
      "reject: process 0 Invalidate a",
      { all: "process 0: invalidate" },
      "process 0: get a is called",
      { all: "process 0", except: "answer of the lookup" },
      "process 1: invalidate a is called",
      { all: "process 1" },
      "process 0: get a is called",
      { all: "process 0: get" },
      { all: "GET a" },
      { all: "process 0: get" },
      { all: "process 0", except: "hears" }
    ]
  },
  flightCloses: {
    breaks: "neverServedAgain",
    operations: readsAround,
    scenario: { faults: {} },
    script: [
      "process 1: get a is called",
      { all: "process 1", except: "gets the reply to Fill" },
      "process 0: invalidate a is called",
      { all: "process 0" },
      // finds nothing in Redis before the flight has ended
      "process 1: get a is called",
      { all: "process 1: get a" },
      "the server runs GET a of process 1",
      "process 1 gets the reply to Fill a",
      "process 1 gets the reply to GET a",
      { all: "process 1: get a" },
      { all: "process 1: flight" },
      { all: "process 1: get a" }
    ]
  },
  lateCallersAwaitFill: {
    breaks: "neverServedAgain",
    operations: readsAround,
    scenario: { faults: {} },
    script: [
      "process 1: get a is called",
      { all: "process 1", except: "answer of the lookup" },
      "process 0: invalidate a is called",
      { all: "process 0" },
      // joins the flight, whose lookup has read the old value
      "process 1: get a is called",
      { all: "process 1: get a" },
      { all: "GET a" },
      { all: "process 1: get a" },
      { all: "process 1: flight" },
      { all: "process 1: get a" }
    ]
  },
  fillOutlivesCallers: {
    breaks: "cachesAgain",
    operations: [get(0)],
    scenario: { processes: 1, withMarkers: true, faults: {} }
  },
  callersOnlyAwait: { breaks: "everyReadEnds", operations: [get(0), get(0)], scenario: { faults: { interrupt: 1 } } },
  lastCallerStops: { breaks: "noAbandonedLookup", operations: [get(0)], scenario: { faults: { interrupt: 1 } } }
} satisfies Cases
