/**
 * Searching for a run that breaks a promise, by fast-check: a run is a list of operations and a list of numbers that
 * choose the steps, so that what is found is made as short as it can be.
 */
import * as fc from "effect/FastCheck"
import { Broken, type PromiseName } from "./promises.js"
import { allRules, type Rules } from "./rules.js"
import { type Operation, type Scenario, World } from "./world.js"

export interface Search {
  readonly scenario: Scenario
  /** what is called, in this order, each at any time; or what it is drawn from */
  readonly operations: ReadonlyArray<Operation> | { readonly anyOf: ReadonlyArray<Operation["what"]>; readonly keys?: 2 }
  readonly rules?: Rules
  readonly seed: number
  readonly runs: number
  /** look for this promise only */
  readonly promise?: PromiseName
}

export interface Counterexample {
  readonly promise: PromiseName
  readonly report: string
}

type Run = readonly [operations: ReadonlyArray<Operation>, choices: ReadonlyArray<number>]

const arbitrary = ({ operations, scenario }: Search): fc.Arbitrary<Run> => {
  const choices = fc.array(fc.nat(0xffff), { maxLength: 160, size: "max" })
  if (!("anyOf" in operations)) return fc.tuple(fc.constant(operations), choices)
  const operation: fc.Arbitrary<Operation> = fc.record({
    what: fc.constantFrom(...operations.anyOf),
    process: fc.nat(scenario.processes - 1),
    key: operations.keys === 2 ? fc.constantFrom("a", "b") : fc.constant("a")
  })
  return fc.tuple(fc.array(operation, { minLength: 2, maxLength: 9, size: "max" }), choices)
}

const brokenBy = ({ scenario, rules = allRules, promise }: Search, [operations, choices]: Run) => {
  const world = new World(scenario, rules, operations)
  try {
    world.run(choices)
    return undefined
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    return promise === undefined || promise === error.promise ? { error, world } : undefined
  }
}

/** A run that breaks a promise, the shortest that was found; or nothing, if none did. */
export const findCounterexample = (search: Search): Counterexample | undefined => {
  const found = fc.check(
    fc.property(arbitrary(search), (run) => brokenBy(search, run) === undefined),
    { seed: search.seed, numRuns: search.runs }
  )
  if (found.counterexample === null) return undefined
  const [run] = found.counterexample
  const broken = brokenBy(search, run)
  if (broken === undefined) throw new Error("the model is not deterministic")
  const { error, world } = broken
  const where = `seed ${found.seed}, path ${found.counterexamplePath}, run ${found.numRuns}`
  return { promise: error.promise, report: [error.message, ...world.trace, where].join("\n") }
}
