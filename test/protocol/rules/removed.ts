/** How the removal of a rule is shown: by a run in which a promise breaks, while the same run with all rules breaks none. */
import type { PromiseName } from "../promises.js"
import { allRules, type Rule, type Rules, without } from "../rules.js"
import { Run, type Script } from "../runs/run.js"
import type { Operation, Scenario } from "../runs/scenario.js"
import { findCounterexample, type Search } from "../runs/search.js"

export interface Needed {
  readonly breaks: PromiseName
  readonly operations: ReadonlyArray<Operation>
  /** by default two processes with a local tier */
  readonly scenario: Partial<Scenario>
  /** the run itself, where it is too long to be found at random */
  readonly script?: Script
  /** finds a run soon */
  readonly seed?: number
}

export type Cases = Partial<Record<Rule, Needed>>

const seedOfAll = 20_250_101
const maxRuns = 40_000

export interface Shown {
  /** the promise that breaks without the rule, in a run with this report */
  readonly broken: PromiseName | undefined
  /** what breaks in the same runs with all rules */
  readonly withRule: string | undefined
}

/** `repeat` says how many of the runs that led to the broken promise are repeated with all rules. */
export const remove = (rule: Rule, needed: Needed, repeat: (runs: number) => number): Shown => {
  const { breaks, operations, script, seed = seedOfAll } = needed
  const scenario: Scenario = { processes: 2, localTtl: 2, faults: {}, ...needed.scenario }
  if (script !== undefined) {
    const run = (kept: Rules) => new Run(scenario, kept, operations)
    return {
      broken: run(without(rule)).broken(script, false)?.promise,
      withRule: run(allRules).broken(script, true)?.message
    }
  }
  const search: Search = { scenario, operations, promise: breaks, seed, runs: maxRuns }
  const found = findCounterexample({ ...search, rules: without(rule) })
  return {
    broken: found?.promise,
    withRule: findCounterexample({ ...search, runs: repeat(found?.runs ?? 1) })?.report
  }
}
