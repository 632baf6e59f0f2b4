/**
 * Each rule is removed, and a run is searched in which a promise breaks. The same runs with all rules break none. The rules
 * that no promise needs are removed in promises.test.ts.
 */
import { describe, expect, it } from "vitest"
import * as effort from "../support/effort.js"
import { clearAll, del, get, invalidate, invalidateTag, refresh, set, update } from "./operations.js"
import type { PromiseName } from "./promises.js"
import { allRules, type Needless, type Rule, type Rules, ruleNames, rules, without } from "./rules.js"
import { Run, type Script } from "./run.js"
import type { Operation, Scenario } from "./scenario.js"
import { findCounterexample, type Search } from "./search.js"
import { clear, moveMarker, Server, tag } from "./server.js"

interface Needed {
  readonly breaks: PromiseName
  readonly operations: ReadonlyArray<Operation>
  /** by default two processes with a local tier */
  readonly scenario: Partial<Scenario>
  /** the run itself, where it is too long to be found at random */
  readonly script?: Script
}

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

const cases: Record<Exclude<Rule, Needless | "markersMoveForward">, Needed> = {
  localPutNeedsEpoch: {
    breaks: "ownWritesSeen",
    operations: [get(0), invalidate(0), get(0)],
    scenario: { warm: true, faults: { break: 1 } }
  },
  localTimeFromRequest: {
    breaks: "localBound",
    operations: [get(1), invalidate(0), get(1)],
    scenario: { warm: true, faults: { busBreak: 1 } }
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
    scenario: { processes: 1, faults: { break: 1 } }
  },
  lateCallersStartOver: { breaks: "neverServedAgain", operations: readsAround, scenario: { faults: {} } },
  unconfirmedWhileAway: {
    breaks: "neverServedAgain",
    operations: [invalidate(0), get(0), invalidate(1), get(0)],
    scenario: { faults: { refuse: 1 } },
    script: [
      "process 0: invalidate a is called",
      { all: "process 0: invalidate" },
      "refuse: process 0 Invalidate a",
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
  flightCloses: { breaks: "neverServedAgain", operations: readsAround, scenario: { faults: {} } },
  callersOnlyAwait: { breaks: "everyReadEnds", operations: [get(0), get(0)], scenario: { faults: { interrupt: 1 } } },
  lastCallerStops: { breaks: "noAbandonedLookup", operations: [get(0)], scenario: { faults: { interrupt: 1 } } },

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
    scenario: { processes: 3, faults: { interrupt: 1 } }
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
    scenario: { withMarkers: true, localTtl: 0, faults: { expireValue: 2 }, warm: true }
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
  },

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
    scenario: { processes: 1, warm: true, faults: { resend: 1 } }
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
  },

  outbox: {
    breaks: "noWrongValueLeft",
    operations: [invalidate(0)],
    scenario: { warm: true, faults: { break: 1 } }
  },
  outboxIsMiss: {
    breaks: "ownWritesSeen",
    operations: [invalidate(0), get(0)],
    scenario: { warm: true, faults: { refuse: 1 } }
  },
  outboxCountsAdditions: {
    breaks: "noWrongValueLeft",
    operations: [invalidate(0), get(1), invalidate(0)],
    scenario: { faults: { refuse: 2 } },
    script: [
      "process 0: invalidate a is called",
      { all: "process 0: invalidate" },
      "refuse: process 0 Invalidate a",
      { all: "process 0", except: "gets the reply" },
      "process 1: get a is called",
      { all: "process 1" },
      "process 0: invalidate a is called",
      { all: "process 0: invalidate" },
      "refuse: process 0 Invalidate a",
      { all: "process 0: invalidate" },
      "process 0 gets the reply to Invalidate a"
    ]
  },
  acknowledgedTagsDistrusted: {
    breaks: "ownWritesSeen",
    operations: [invalidateTag(0), get(0)],
    scenario: { warm: true, withMarkers: true, localTtl: 0, faults: { refuse: 1 } }
  },
  overflowMovesClear: {
    breaks: "noWrongValueLeft",
    operations: [invalidate(0, "a"), invalidate(0, "b")],
    scenario: { warm: true, withMarkers: true, outboxCapacity: 1, faults: { break: 1 } }
  },
  overflowReadsNothing: {
    breaks: "ownWritesSeen",
    operations: [invalidate(0, "a"), invalidate(0, "b"), get(0, "a")],
    scenario: { warm: true, withMarkers: true, outboxCapacity: 1, faults: { refuse: 2 } },
    script: [
      "process 0: invalidate a is called",
      { all: "process 0: invalidate a" },
      "process 0: invalidate b is called",
      { all: "process 0: invalidate b" },
      "refuse: process 0 Invalidate a",
      "refuse: process 0 Invalidate b",
      { all: "process 0: invalidate" },
      "process 0: get a is called",
      { all: "process 0: get" },
      { all: "GET a" },
      { all: "process 0: get" },
      { all: "process 0" }
    ]
  },

  newGenerationClosed: {
    breaks: "noResurrection",
    operations: [invalidate(0), get(1)],
    scenario: { warm: true, localTtl: 0, faults: { stop: 1 } }
  },
  distrustAfterOutage: {
    breaks: "noResurrection",
    operations: [invalidate(0), get(1)],
    scenario: { warm: true, localTtl: 0, faults: { stop: 1 } }
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
    scenario: { warm: true, faults: { stop: 1 } }
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
  gapMovesEpochs: { breaks: "localBound", operations: readsAround, scenario: { warm: true, faults: { busBreak: 1 } } },
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
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1 } }
  },
  equalIsInvalid: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1 } }
  },
  missingMarkerIsMiss: {
    breaks: "neverServedAgain",
    operations: [invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { evictMarker: 1 } }
  },
  markerMadeWhereAbsent: {
    breaks: "cachesAgain",
    operations: [get(0)],
    scenario: { withMarkers: true, faults: { evictMarker: 1 } }
  },
  markerCreatedNow: {
    breaks: "neverServedAgain",
    operations: [get(1), clearAll(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1, evictMarker: 1 } }
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
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1, evictMarker: 1 } }
  },
  floorMovesWithTags: {
    breaks: "neverServedAgain",
    operations: [get(1), invalidateTag(0), get(1)],
    scenario: { withMarkers: true, warm: true, localTtl: 0, faults: { expireValue: 1, evictMarker: 1 } }
  },

  lookupsBounded: {
    breaks: "boundedLookups",
    operations: [get(0, "a"), get(0, "b")],
    scenario: { maxLookups: 1, faults: { break: 1 } }
  },

  commitFirst: { breaks: "noWrongValueLeft", operations: [invalidate(0), get(1)], scenario: { faults: {} } },
  throughEngine: { breaks: "noWrongValueLeft", operations: [get(1), del(0)], scenario: { faults: {} } }
}

const seed = 20_250_101
const runs = 40_000

const hasCase = (rule: Rule): rule is keyof typeof cases => rule in cases

describe("a rule that is removed", () => {
  for (const rule of ruleNames.filter(hasCase)) {
    const { breaks, operations, script, scenario: particulars } = cases[rule]
    const scenario: Scenario = { processes: 2, localTtl: 2, faults: {}, ...particulars }

    it(`${rules[rule]} [${rule}]: without it ${breaks} breaks`, () => {
      if (script !== undefined) {
        const run = (kept: Rules) => new Run(scenario, kept, operations)
        expect(() => run(without(rule)).follow(script)).toThrow(`(${breaks})`)
        expect(() => run(allRules).follow(script, true)).not.toThrow()
        return
      }
      const search: Search = { scenario, operations, promise: breaks, seed, runs }
      const counterexample = findCounterexample({ ...search, rules: without(rule) })
      expect(counterexample?.promise).toBe(breaks)
      expect(findCounterexample({ ...search, runs: effort.runs(counterexample?.runs ?? 0) })?.report).toBeUndefined()
    })
  }

  it(`${rules.markersMoveForward} [markersMoveForward]: without it a clock that is set back revives cleared entries`, () => {
    const markersAfter = (removed: ReadonlyArray<Rule>) => {
      const ignore = () => undefined
      const observer = { granted: ignore, held: ignore, leaseBroken: ignore, published: ignore }
      const server = new Server(without(...removed), observer)
      const client = { id: 0, mayPublish: true, clockError: 0 }
      for (const clock of [10, 5]) {
        server.clock = clock
        moveMarker(clear).apply(server, client)
        moveMarker(tag).apply(server, client)
      }
      return [...server.state.markers.values()]
    }
    // the clear marker, the tag's, and the floor
    expect(markersAfter([])).toEqual([11, 12, 12])
    expect(markersAfter(["markersMoveForward"])).toEqual([5, 5, 5])
  })
})
