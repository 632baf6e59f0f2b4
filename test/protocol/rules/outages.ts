/** Rules 10 and 11: outages and the bus. */
import { clearAll, get, invalidate } from "../runs/operations.js"
import type { Script } from "../runs/run.js"
import type { Cases } from "./removed.js"

/** An entry is created by a wrong clock, and invalidated during an outage whose end the wrong clock still reports. */
const createdByWrongClock: Script = [
  "wrongClock: server",
  "process 0: get a is called",
  { all: "process 0" },
  "stop: server",
  "process 0: invalidate a is called",
  { all: "process 0: invalidate" },
  "the server is back",
  "process 1 reconnects",
  { all: "process 1" },
  "the server's clock is set right",
  // this read finds out that the mark is wrong
  "process 1: get a is called",
  { all: "process 1", except: "look up" },
  "process 1: get a is called",
  { all: "process 1: get a" },
  { all: "process 1" }
]

const clearedByWrongClock: Script = [
  "wrongClock: server",
  "process 0: clear a is called",
  { all: "process 0" },
  "break: process 1",
  "time passes",
  "time passes",
  { all: "process 1" },
  "the server's clock is set right",
  "process 1: get a is called",
  { all: "process 1" }
]

const readsAround = [get(1), invalidate(0), get(1)]

export const outages = {
  newGenerationClosed: {
    breaks: "noResurrection",
    operations: [invalidate(0), get(1)],
    scenario: { warm: true, localTtl: 0, faults: { stop: 1 } }
  },
  distrustAfterOutage: {
    breaks: "noResurrection",
    operations: [invalidate(0), get(1)],
    scenario: { warm: true, localTtl: 0, faults: { stop: 1 } },
    seed: 5
  },
  distrustUpToReconnection: {
    breaks: "noResurrection",
    operations: [get(1), invalidate(1), get(0)],
    scenario: { localTtl: 0, faults: { break: 1, stop: 1 } },
    script: [
      "break: process 0",
      "time passes",
      "process 1: get a is called",
      { all: "process 1" },
      "stop: server",
      "process 1: invalidate a is called",
      { all: "process 1" },
      "the server is back",
      { all: "process 0" },
      "process 0: get a is called",
      { all: "process 0" }
    ]
  },
  contradictedMarkLowered: {
    breaks: "cachesAgain",
    operations: [get(0)],
    scenario: { localTtl: 0, faults: { wrongTime: 1, break: 1 } }
  },
  createdAheadDistrusted: {
    breaks: "noResurrection",
    operations: [get(0), invalidate(0), get(1), get(1)],
    scenario: { localTtl: 0, faults: { wrongClock: 1, stop: 1 } },
    script: createdByWrongClock
  },
  createdAfterClearTrusted: {
    breaks: "cachesAgain",
    operations: [clearAll(0), get(1)],
    scenario: { withMarkers: true, localTtl: 0, faults: { wrongClock: 1, break: 1 } },
    script: clearedByWrongClock
  },
  outageMovesEpochs: {
    breaks: "noResurrection",
    operations: [get(1), invalidate(0), get(1)],
    scenario: { warm: true, faults: { stop: 1 } },
    seed: 18
  },
  fillOfSameGeneration: {
    breaks: "noResurrection",
    operations: [get(1), invalidate(0), get(1)],
    scenario: { localTtl: 0, faults: { stop: 1 } },
    script: [
      "process 1: get a is called",
      { all: "process 1", except: "answer of the lookup" },
      "stop: server",
      "process 0: invalidate a is called",
      { all: "process 0" },
      "the server is back",
      "process 1 reconnects",
      "process 1: get a is called",
      { all: "process 1: get a" },
      { all: "process 1", except: "open generation" }
    ]
  },
  messagesMoveEpoch: { breaks: "localBound", operations: readsAround, scenario: { warm: true, faults: {} } },
  gapDropsLocal: { breaks: "localBound", operations: readsAround, scenario: { warm: true, faults: { busBreak: 1 } } },
  gapMovesEpochs: {
    breaks: "localBound",
    operations: readsAround,
    scenario: { warm: true, faults: { busBreak: 1 } },
    seed: 17
  },
  memoryOnlyWhileAway: {
    breaks: "neverServedAgain",
    operations: [get(0), invalidate(1), get(0)],
    scenario: { faults: { lookupFails: 1 } }
  },
  memoryForgetsWrites: {
    breaks: "ownWritesSeen",
    operations: [get(0), invalidate(0), get(0)],
    scenario: { faults: { break: 1, lookupFails: 1 } }
  }
} satisfies Cases
