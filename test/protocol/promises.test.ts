/**
 * The promises hold in thousands of random runs, with all rules and with only the essential ones. Each limit of the
 * protocol is shown by a run that crosses it.
 *
 * The seed is always the same, so that a change passes or fails for its own reason. `bun run model --random` takes new seeds.
 * PROTOCOL_SEED repeats one of them, PROTOCOL_RUNS sets how many runs there are per family and set of rules.
 */
import { describe, expect, it } from "vitest"
import * as effort from "../support/effort.js"
import type { PromiseName } from "./promises.js"
import { allRules, essentialRules, type Rules, rules, without } from "./rules.js"
import { get, invalidate, invalidateTag, set, update } from "./runs/operations.js"
import type { Operation, Scenario } from "./runs/scenario.js"
import { families, familiesOfServers } from "./runs/scenarios.js"
import { findCounterexample } from "./runs/search.js"

const seed = Number(process.env.PROTOCOL_SEED ?? 20_261_130)
const runs = Number(process.env.PROTOCOL_RUNS ?? effort.scale(1_000, 15))

const base = { processes: 2, localTtl: 0 }

const find = (options: {
  readonly scenario: Partial<Scenario>
  readonly operations: ReadonlyArray<Operation>
  readonly promise: PromiseName
  readonly rules?: Rules
  readonly runs?: number
}) => findCounterexample({ runs: 4_000, seed: 1, ...options, scenario: { ...base, faults: {}, ...options.scenario } })

describe(`every promise holds (seed ${seed})`, () => {
  for (const [name, family] of Object.entries({ ...families, ...familiesOfServers })) {
    it(`in ${runs} runs with all rules: ${name}`, () => {
      expect(findCounterexample({ ...family, rules: allRules, seed, runs, shrink: true })?.report).toBeUndefined()
    })
    it(`in ${runs} runs with the essential rules: ${name}`, () => {
      expect(findCounterexample({ ...family, rules: essentialRules, seed, runs, shrink: true })?.report).toBeUndefined()
    })
  }
})

describe("a late set", () => {
  const lateSet = {
    operations: [set(0), invalidate(1)],
    promise: "noWrongValueLeft",
    scenario: { serialised: true, faults: { breakLate: 1 } }
  } as const

  it("leaves a wrong value when neither its deadline nor the end of its connection stops it", () => {
    const found = find({ ...lateSet, rules: without("setHasDeadline", "oldConnectionKilled") })
    expect(found?.promise).toBe("noWrongValueLeft")
  })

  it("leaves none when its connection is ended on the server before the replay", () => {
    const found = find({ ...lateSet, rules: without("setHasDeadline"), runs: effort.runs(4_000) })
    expect(found?.report).toBeUndefined()
  })
})

describe("afterOutage: trust", () => {
  it(`gives up "${rules.distrustAfterOutage}", which matters only after an outage of the server itself`, () => {
    const trusting = { ...families.connections, rules: without("distrustAfterOutage"), seed, runs }
    expect(findCounterexample(trusting)?.report).toBeUndefined()
  })
})

describe("the protocol does not cover", () => {
  it("a process that is cut off alone: others serve what it has invalidated until its outbox is replayed", () => {
    const found = find({
      operations: [invalidate(0), get(1)],
      promise: "neverServedAgain",
      scenario: { warm: true, faults: { break: 1 }, limits: ["outageOfOneProcess"] }
    })
    expect(found?.promise).toBe("neverServedAgain")
  })

  it("a process with an open circuit: others serve what it has invalidated until its outbox is replayed", () => {
    const found = find({
      operations: [invalidate(0), get(1)],
      promise: "neverServedAgain",
      scenario: { warm: true, faults: { openCircuit: 1 }, limits: ["outageOfOneProcess"] }
    })
    expect(found?.promise).toBe("neverServedAgain")
  })

  it("a process that ends with its outbox: its pending invalidations are lost", () => {
    const found = find({
      operations: [invalidate(0)],
      promise: "noWrongValueLeft",
      scenario: { warm: true, faults: { break: 1, crash: 1 }, limits: ["crashWithOutbox"] }
    })
    expect(found?.promise).toBe("noWrongValueLeft")
  })

  it("a process that ends between its commit and the end of its update, while another process writes the key", () => {
    const found = find({
      operations: [update(0), update(1)],
      promise: "noWrongValueLeft",
      scenario: { faults: { crash: 1 }, limits: ["crashOfOneWriterAmongSeveral"] }
    })
    expect(found?.promise).toBe("noWrongValueLeft")
  })

  it("two concurrent sets of one key, which need update", () => {
    const found = find({ operations: [set(0), set(1)], promise: "noWrongValueLeft", scenario: {} })
    expect(found?.promise).toBe("noWrongValueLeft")
  })

  it("a set that is sent again after an outage: another process may have written the key, and nobody heard of it", () => {
    const found = find({
      operations: [set(0), invalidate(1)],
      promise: "noWrongValueLeft",
      scenario: { serialised: true, replaysSets: true, faults: { stop: 1 } }
    })
    expect(found?.promise).toBe("noWrongValueLeft")
  })

  it("a server that was replaced and does not know it: the process that reaches only this one serves what others invalidate", () => {
    const found = find({
      operations: [invalidate(0), get(1)],
      promise: "neverServedAgain",
      scenario: { servers: [9, 9], withMarkers: true, warm: true, faults: { split: 1 } }
    })
    expect(found?.promise).toBe("neverServedAgain")
  })

  it("a slot that was elsewhere, lost writes there in a failover, and came back, all unnoticed by a process: it serves what they made obsolete", () => {
    const found = find({
      operations: [invalidateTag(0)],
      promise: "noWrongValueLeft",
      scenario: {
        servers: [9, 9, 9],
        withMarkers: true,
        warm: true,
        faults: { move: 2, failover: 1 },
        limits: ["slotMovedBackUnseen"]
      }
    })
    expect(found?.promise).toBe("noWrongValueLeft")
  })

  it("a server's clock that is set back: entries look younger than a marker", () => {
    const found = find({
      operations: [get(1), invalidateTag(0), get(1)],
      promise: "neverServedAgain",
      scenario: { withMarkers: true, warm: true, faults: { expireValue: 1, setClockBack: 1 } }
    })
    expect(found?.promise).toBe("neverServedAgain")
  })
})
