/**
 * Each rule is removed, and a run is searched in which a promise breaks. The same runs with all rules break none. The rules
 * that no promise needs are removed in promises.test.ts.
 */
import { describe, expect, it } from "vitest"
import * as effort from "../support/effort.js"
import { loading } from "./rules/loading.js"
import { markers } from "./rules/markers.js"
import { outages } from "./rules/outages.js"
import { outbox } from "./rules/outbox.js"
import { reading } from "./rules/reading.js"
import { type Needed, remove } from "./rules/removed.js"
import { servers } from "./rules/servers.js"
import { writing } from "./rules/writing.js"
import { type Needless, type Rule, ruleNames, rules, without } from "./rules.js"
import { moveMarker } from "./servers/markerCommands.js"
import { clear, Server, tag } from "./servers/server.js"

const cases: Record<Exclude<Rule, Needless | "markersMoveForward">, Needed> = {
  ...reading,
  ...loading,
  ...writing,
  ...outbox,
  ...outages,
  ...markers,
  ...servers
}

const hasCase = (rule: Rule): rule is keyof typeof cases => rule in cases

describe("a rule that is removed", () => {
  for (const rule of ruleNames.filter(hasCase)) {
    const needed = cases[rule]
    it(`${rules[rule]} [${rule}]: without it ${needed.breaks} breaks`, () => {
      expect(remove(rule, needed, effort.runs)).toEqual({ broken: needed.breaks, withRule: undefined })
    })
  }

  it(`${rules.markersMoveForward} [markersMoveForward]: without it a clock that is set back revives cleared entries`, () => {
    const markersAfter = (removed: ReadonlyArray<Rule>) => {
      const ignore = () => undefined
      const observer = { granted: ignore, held: ignore, leaseBroken: ignore, published: ignore }
      const server = new Server(without(...removed), observer, false)
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
