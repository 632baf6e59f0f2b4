/** Rules 15 to 19: markers and entries on several servers. `a` is on node 1, and the markers are on node 0. */
import { clearAll, get, invalidate, invalidateTag, set } from "../runs/operations.js"
import type { Script } from "../runs/run.js"
import { filledAfter, lookedUpBefore } from "./lateFill.js"
import type { Cases } from "./removed.js"

const two = { servers: [9, 9], withMarkers: true, warm: true, localTtl: 0 } as const

const process0Returns: Script = [
  "process 0 reconnects to node 0",
  { all: "process 0: open generation" },
  { all: "Now" },
  { all: "process 0: open generation" },
  { all: "Raise" },
  { all: "process 0: open generation" }
]

/** The markers move from node 0 to node 1, whose clock is behind. Process 0 finds out, and process 1 does not. */
const markersMoveUnheard: Script = ["move: markers to node 1", "process 0: get a is called", { all: "process 0" }]

const writtenByOldClock: Script = [
  "process 1: set a is called",
  { all: "process 1" },
  "process 0: clear a is called",
  { all: "process 0" },
  "process 0: get a is called",
  { all: "process 0" }
]

/** A value is loaded, and the markers then move to a clock that is behind. */
const loadedBefore: Script = [
  "expireValue: a",
  "time passes",
  "process 1: get a is called",
  { all: "process 1" },
  "move: markers to node 1",
  "process 0: clear a is called",
  { all: "process 0: clear" },
  { all: "Move clear" },
  { all: "process 0: clear" }
]

export const servers = {
  createdByMarkerNode: {
    breaks: "neverServedAgain",
    operations: [get(1), clearAll(0), get(1)],
    scenario: { ...two, servers: [9, 13], faults: { expireValue: 1 } }
  },
  timeBeforeLookup: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { ...two, faults: { expireValue: 1 } },
    script: [...lookedUpBefore("tag"), "time passes", ...filledAfter]
  },
  timeOfSlotOwner: {
    breaks: "ownWritesSeen",
    operations: [get(1), get(0), clearAll(0), get(0)],
    scenario: { ...two, servers: [9, 4], faults: { expireValue: 1, move: 1 } },
    script: [
      "expireValue: a",
      "process 1: get a is called",
      { all: "process 1: get" },
      { all: "GET a of process 1" },
      { all: "MGET markers of process 1" },
      { all: "process 1 gets" },
      { all: "process 1: get" },
      { all: "process 1: flight" },
      ...markersMoveUnheard,
      "time passes",
      "time passes",
      "time passes",
      "time passes",
      // its fill arrives, and the reply with the markers does not
      { all: "process 1", except: "Ensure markers" },
      "process 0: clear a is called",
      { all: "process 0" },
      "process 0: get a is called",
      { all: "process 0" }
    ]
  },
  boundIsLower: {
    breaks: "neverServedAgain",
    operations: [get(1), set(1), clearAll(0), get(1)],
    scenario: { ...two, serialised: true, faults: { expireValue: 1 } },
    script: [
      "expireValue: a",
      // asks for the time, and time passes meanwhile
      "process 1: get a is called",
      { all: "process 1", except: "node 0 runs Now" },
      "time passes",
      { all: "process 1" },
      "process 1: set a is called",
      { all: "process 1" },
      "process 0: clear a is called",
      { all: "process 0" },
      "process 1: get a is called",
      { all: "process 1" }
    ]
  },
  boundIsYoung: {
    breaks: "ownWritesSeen",
    operations: [get(0), set(1), clearAll(0), get(0)],
    scenario: { ...two, servers: [9, 0], serialised: true, faults: { move: 1 } },
    script: [
      ...markersMoveUnheard,
      "time passes",
      "time passes",
      "time passes",
      "time passes",
      "time passes",
      ...writtenByOldClock
    ]
  },
  freshnessByMarkerNode: {
    breaks: "cachesAgain",
    operations: [get(0)],
    scenario: { ...two, servers: [9, 18], timeToLive: 9, faults: {} }
  },
  deadlineOfEntryNode: {
    breaks: "neverServedAgain",
    operations: [get(2), set(0), invalidate(1), get(2)],
    scenario: { ...two, processes: 3, serialised: true, faults: { move: 1, timeout: 1 } },
    script: [
      "move: a to node 0",
      // finds out that the key has moved, as process 0 has not
      "process 2: get a is called",
      { all: "process 2" },
      "time passes",
      "process 0: set a is called",
      { all: "process 0: set a" },
      "node 1 runs Set a of process 0",
      "process 0 gets the reply to Set a",
      "timeout: process 0 Set a",
      { all: "process 0: set a" },
      { all: "process 0: deadline of the set" },
      { all: "process 0: set a" },
      "process 1: invalidate a is called",
      { all: "process 1" },
      "node 0 runs Set a of process 0",
      "process 2: get a is called",
      { all: "process 2" }
    ]
  },

  markersOfEachRead: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { ...two, faults: {} }
  },
  markersOfOpenGeneration: {
    breaks: "neverServedAgain",
    operations: [get(1), clearAll(0), get(1)],
    scenario: { ...two, servers: [9, 4], faults: { expireValue: 1, move: 1 } },
    script: [...loadedBefore, "process 1: get a is called", { all: "process 1" }]
  },
  fillOfMarkerGeneration: {
    breaks: "neverServedAgain",
    operations: [get(1), clearAll(0), get(1)],
    scenario: { ...two, servers: [9, 4], faults: { expireValue: 1, move: 1 } },
    script: [
      "expireValue: a",
      "time passes",
      "process 1: get a is called",
      { all: "process 1", except: "answer of the lookup" },
      "move: markers to node 1",
      "process 0: clear a is called",
      { all: "process 0: clear" },
      { all: "Move clear" },
      { all: "process 0: clear" },
      // joins the flight before the process has handled the move
      "process 1: get a is called",
      { all: "process 1: get a" },
      { all: "GET a of process 1" },
      { all: "MGET markers of process 1" },
      "process 1 gets the reply to GET a",
      "process 1 gets the reply to MGET markers",
      { all: "MGET markers" },
      { all: "process 1: get a" },
      { all: "process 1: flight" },
      { all: "Fill a" },
      { all: "Ensure markers" },
      { all: "process 1: flight" },
      { all: "process 1: get a" }
    ]
  },

  markerOutageDistrustsAll: {
    breaks: "neverServedAgain",
    operations: [clearAll(0), get(1)],
    scenario: { ...two, faults: { failover: 1 } }
  },
  markOfMarkerNode: {
    breaks: "noResurrection",
    operations: [get(0), invalidate(1), get(0)],
    scenario: { ...two, servers: [9, 4], faults: { expireValue: 1, stop: 1 } },
    script: [
      "expireValue: a",
      "process 0: get a is called",
      { all: "process 0" },
      "stop: node 1",
      "process 1: invalidate a is called",
      { all: "process 1: invalidate" },
      "node 1 is back",
      "process 0 reconnects to node 1",
      { all: "process 0" },
      "process 0: get a is called",
      { all: "process 0" }
    ]
  },
  movedSlotIsNewGeneration: {
    breaks: "neverServedAgain",
    operations: [get(1), clearAll(0), get(1)],
    scenario: { ...two, servers: [9, 4], faults: { expireValue: 1, move: 1 } },
    script: [...loadedBefore, "process 1: get a is called", { all: "process 1" }]
  },

  raisedWhenBehind: {
    breaks: "neverServedAgain",
    operations: [get(1), clearAll(0), get(1)],
    scenario: { ...two, faults: { expireValue: 1, failoverBehind: 1 } },
    seed: 11
  },
  raisedBeyondBounds: {
    breaks: "ownWritesSeen",
    operations: [get(1), get(0), set(1), clearAll(0), get(0)],
    scenario: { ...two, servers: [9, 0], serialised: true, faults: { expireValue: 1, move: 1 } },
    script: [
      "expireValue: a",
      // asks for the time
      "process 1: get a is called",
      { all: "process 1" },
      ...markersMoveUnheard,
      "time passes",
      "time passes",
      ...writtenByOldClock
    ]
  },
  raisedWhenAhead: {
    breaks: "noResurrection",
    operations: [get(0), invalidate(1), get(0)],
    scenario: { ...two, faults: { failoverBehind: 1, expireValue: 1, stop: 1 } },
    script: [
      "failoverBehind: node 0",
      "expireValue: a",
      ...process0Returns,
      "process 0: get a is called",
      { all: "process 0" },
      "stop: node 1",
      "process 1: invalidate a is called",
      { all: "process 1: invalidate" },
      "node 1 is back",
      "process 0 reconnects to node 1",
      { all: "process 0" },
      "process 0: get a is called",
      { all: "process 0" }
    ]
  },

  publishReachesAllNodes: {
    breaks: "localBound",
    operations: [get(1), invalidate(0), get(1)],
    scenario: { ...two, localTtl: 2, faults: {} }
  }
} satisfies Cases
