/** Rules 9, 13 and 14: the outbox, permits, and what the application does. */
import { del, get, invalidate, invalidateTag } from "../runs/operations.js"
import type { Cases } from "./removed.js"

export const outbox = {
  outbox: {
    breaks: "noWrongValueLeft",
    operations: [invalidate(0)],
    scenario: { warm: true, faults: { break: 1 } }
  },
  outboxIsMiss: {
    breaks: "ownWritesSeen",
    operations: [invalidate(0), get(0)],
    scenario: { warm: true, faults: { reject: 1 } }
  },
  outboxCountsAdditions: {
    breaks: "noWrongValueLeft",
    operations: [invalidate(0), get(1), invalidate(0)],
    scenario: { faults: { reject: 2 } },
    script: [
      "process 0: invalidate a is called",
      { all: "process 0: invalidate" },
      "reject: process 0 Invalidate a",
      { all: "process 0", except: "gets the reply" },
      "process 1: get a is called",
      { all: "process 1" },
      "process 0: invalidate a is called",
      { all: "process 0: invalidate" },
      "reject: process 0 Invalidate a",
      { all: "process 0: invalidate" },
      "process 0 gets the reply to Invalidate a"
    ]
  },
  acknowledgedTagsDistrusted: {
    breaks: "ownWritesSeen",
    operations: [invalidateTag(0), get(0)],
    scenario: { warm: true, withMarkers: true, localTtl: 0, faults: { reject: 1 } },
    script: [
      "process 0: tag a is called",
      { all: "process 0: tag" },
      "reject: process 0 Move tag",
      { all: "process 0: tag" },
      "process 0: get a is called",
      { all: "process 0: get" },
      "the server runs GET a of process 0",
      "process 0 gets the reply to GET a",
      { all: "process 0: get" },
      { all: "process 0: replay" },
      "the server runs MGET markers of process 0",
      "the server runs Move tag of process 0",
      "process 0 gets the reply to MGET markers",
      "process 0 gets the reply to Move tag",
      { all: "process 0: replay" },
      { all: "process 0: get" }
    ]
  },
  overflowMovesClear: {
    breaks: "noWrongValueLeft",
    operations: [invalidate(0, "a"), invalidate(0, "b")],
    scenario: { warm: true, withMarkers: true, outboxCapacity: 1, faults: { break: 1 } }
  },
  overflowReadsNothing: {
    breaks: "ownWritesSeen",
    operations: [invalidate(0, "a"), invalidate(0, "b"), get(0, "a")],
    scenario: { warm: true, withMarkers: true, outboxCapacity: 1, faults: { reject: 2 } },
    script: [
      "process 0: invalidate a is called",
      { all: "process 0: invalidate a" },
      "process 0: invalidate b is called",
      { all: "process 0: invalidate b" },
      "reject: process 0 Invalidate a",
      "reject: process 0 Invalidate b",
      { all: "process 0: invalidate" },
      "process 0: get a is called",
      { all: "process 0: get" },
      { all: "GET a" },
      { all: "process 0: get" },
      { all: "process 0" }
    ]
  },
  lookupsBounded: {
    breaks: "boundedLookups",
    operations: [get(0, "a"), get(0, "b")],
    scenario: { maxLookups: 1, faults: { break: 1 } }
  },
  commitFirst: { breaks: "noWrongValueLeft", operations: [invalidate(0), get(1)], scenario: { faults: {} } },
  throughEngine: { breaks: "noWrongValueLeft", operations: [get(1), del(0)], scenario: { faults: {} } }
} satisfies Cases
