/** Rule 12: markers. */
import { clearAll, get, invalidateTag, refresh } from "../runs/operations.js"
import { filledAfter, lookedUpBefore } from "./lateFill.js"
import type { Cases } from "./removed.js"

export const markers = {
  stampsFromServer: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, clockErrors: [0, 3], faults: { expireValue: 1 } }
  },
  markerMovesByOne: {
    breaks: "neverServedAgain",
    operations: [clearAll(0), get(1), clearAll(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: {} }
  },
  createdFollowsMarkersOnly: {
    breaks: "neverServedAgain",
    operations: [refresh(1), clearAll(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, clockErrors: [0, 3], faults: {} }
  },
  createdAtLease: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1 } },
    script: [
      "expireValue: a",
      "process 1: get a is called",
      { all: "process 1", except: "runs Fill" },
      "process 0: tag a is called",
      { all: "process 0" },
      "time passes",
      ...filledAfter
    ]
  },
  equalIsInvalid: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1 } }
  },
  missingMarkerIsMiss: {
    breaks: "neverServedAgain",
    operations: [invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { evictMarker: 1 } },
    seed: 1
  },
  markerMadeWhereAbsent: {
    breaks: "cachesAgain",
    operations: [get(0)],
    scenario: { withMarkers: true, faults: { evictMarker: 1 } }
  },
  markerCreatedNow: {
    breaks: "neverServedAgain",
    operations: [get(1), clearAll(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1, evictMarker: 1 } },
    script: [...lookedUpBefore("clear"), "evictMarker: clear", ...filledAfter]
  },
  floorCreatedNow: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, localTtl: 0, faults: { evictMarker: 2 } },
    script: [
      "process 1: get a is called",
      { all: "process 1", except: "answer of the lookup" },
      "process 0: tag a is called",
      { all: "process 0" },
      "evictMarker: tag",
      "evictMarker: floor",
      { all: "process 1" },
      "process 1: get a is called",
      { all: "process 1" }
    ]
  },
  tagMarkerCreatedAtFloor: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1, evictMarker: 1 } },
    script: [...lookedUpBefore("tag"), "evictMarker: tag", ...filledAfter]
  },
  floorMovesWithTags: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1, evictMarker: 1 } },
    seed: 9
  }
} satisfies Cases
