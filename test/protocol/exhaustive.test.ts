/** Small worlds are explored exhaustively: here a few of them, up to a number of states. `bun run model` explores all of them. */
import { describe, expect, it } from "vitest"
import * as effort from "../support/effort.js"
import { without } from "./rules.js"
import { explore, fingerprint, takeStep } from "./runs/exhaustive.js"
import { clearAll, get } from "./runs/operations.js"
import { Run } from "./runs/run.js"
import { sampleRuns } from "./runs/search.js"
import { smallWorlds } from "./runs/smallWorlds.js"

const maxStates = effort.scale(300, 60)

describe(`the first ${maxStates} states of a small world break no promise`, () => {
  const every = effort.scale(1, 7)
  for (const world of smallWorlds.filter((_, i) => i % every === 0)) {
    it(world.name, () => {
      expect(explore(world, { maxStates }).broken).toBeUndefined()
    })
  }
})

describe("an exhaustive search", () => {
  const two = { processes: 2, localTtl: 0, withMarkers: true, warm: true, ticks: 0 } as const

  it("finds the promise that breaks without a rule", () => {
    const scenario = { ...two, servers: [9, 14], faults: { expireValue: 1 } }
    const world = { scenario, operations: [get(1), clearAll(0)], rules: without("createdByMarkerNode") }
    expect(explore(world, { maxStates: 20_000 }).broken).toContain("(noWrongValueLeft)")
  })

  it("continues two paths to one state in the same way", () => {
    const world = smallWorlds.find(
      ({ name }) => name === "the cache is cleared; two servers, the markers' clock ahead; move"
    )
    if (world === undefined) throw new Error("no such world")
    /** the states by their fingerprint, each with the fingerprints of the states after it */
    const found = new Map<string, string>()
    let repeated = 0
    const stateAfter = (path: ReadonlyArray<number>): Run => {
      const run = new Run(world.scenario, world.rules, world.operations)
      for (const step of path) takeStep(run, step)
      return run
    }
    for (const [, choices] of sampleRuns({ ...world, seed: 1, runs: effort.scale(60, 4) })) {
      const path: Array<number> = []
      for (const choice of choices.slice(0, 40)) {
        const ways = stateAfter(path).possible().length
        if (ways === 0) break
        const here = fingerprint(stateAfter(path).world)
        const after = Array.from({ length: ways }, (_, step) => fingerprint(stateAfter([...path, step]).world)).join(
          "\n"
        )
        if (found.has(here)) repeated++
        expect(found.get(here) ?? after).toBe(after)
        found.set(here, after)
        path.push(choice % ways)
      }
    }
    expect(repeated).toBeGreaterThan(0)
  })
})
