/** On one server the rules of several servers change no step, and on several they add no round trip to a read or a flight. */
import { describe, expect, it } from "vitest"
import * as effort from "../support/effort.js"
import { allRules, isOfSeveralServers, type Rules, ruleNames } from "./rules.js"
import { get } from "./runs/operations.js"
import { Run } from "./runs/run.js"
import { families } from "./runs/scenarios.js"
import { sampleRuns } from "./runs/search.js"

const rulesOfOneServer: Rules = new Set(ruleNames.filter((rule) => !isOfSeveralServers(rule)))

describe("on one server", () => {
  for (const [name, { operations, scenario }] of Object.entries(families)) {
    it(`the rules 15 to 19 change no step of a run: ${name}`, () => {
      for (const [called, choices, burst] of sampleRuns({
        operations,
        scenario,
        seed: 1,
        runs: effort.scale(100, 5)
      })) {
        const traceOf = (rules: Rules) => {
          const run = new Run(scenario, rules, called, true)
          run.choose(choices, burst)
          return run.trace
        }
        expect(traceOf(allRules)).toEqual(traceOf(rulesOfOneServer))
      }
    })
  }
})

/** What a read that misses waits for, in turn. */
const waitsOfMiss = (servers: ReadonlyArray<number>): ReadonlyArray<string> => {
  const scenario = { processes: 1, localTtl: 0, servers, withMarkers: true, warm: true, faults: { expireValue: 1 } }
  const run = new Run(scenario, allRules, [get(0)], true)
  run.follow(["expireValue: a", "time passes", "process 0: get a is called", { all: "" }])
  const waits = run.trace.slice(0, run.trace.indexOf("process 0: get a is called when all is quiet"))
  return waits.flatMap((step) => /continues after: ((?:GET|MGET|Acquire|Now|Ensure|Fill).*)$/.exec(step)?.[1] ?? [])
}

describe("a read that misses", () => {
  it("waits for these commands on one server", () => {
    expect(waitsOfMiss([0])).toEqual(["GET a", "Acquire a", "Ensure markers", "Fill a"])
  })

  it("waits for as many replies on two servers, whose commands travel in pairs", () => {
    expect(waitsOfMiss([0, 0])).toEqual(["GET and MGET markers", "Now and Acquire", "Ensure markers and Fill"])
  })
})
