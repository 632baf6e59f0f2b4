/**
 * Searches for a run that breaks a promise, with fast-check. A run is a list of operations and a list of numbers that
 * choose the steps, so that fast-check can shrink it.
 */
import * as fc from "effect/FastCheck"
import { Broken, type PromiseName } from "../promises.js"
import { allRules, type Rules } from "../rules.js"
import { Run } from "./run.js"
import type { Operation, Scenario } from "./scenario.js"

export interface Search {
  readonly scenario: Scenario
  /** the operations in their order, each called at any time; or those that they are drawn from */
  readonly operations:
    | ReadonlyArray<Operation>
    | { readonly anyOf: ReadonlyArray<Operation["what"]>; readonly keys?: 2 }
  readonly rules?: Rules
  readonly seed: number
  readonly runs: number
  /** the only promise to check */
  readonly promise?: PromiseName
  /** shrinks the counterexample, which takes longer than finding it */
  readonly shrink?: boolean
}

export interface Counterexample {
  readonly promise: PromiseName
  /** the number of runs until it was found */
  readonly runs: number
  readonly report: string
}

type Choice = readonly [operations: ReadonlyArray<Operation>, choices: ReadonlyArray<number>, burst: number]

const arbitrary = ({ operations, scenario }: Search): fc.Arbitrary<Choice> => {
  const choices = fc.array(fc.nat(0xffff), { maxLength: 160, size: "max" })
  const burst = fc.constantFrom(1, 3, 7)
  if (!("anyOf" in operations)) return fc.tuple(fc.constant(operations), choices, burst)
  const operation: fc.Arbitrary<Operation> = fc.record({
    what: fc.constantFrom(...operations.anyOf),
    process: fc.nat(scenario.processes - 1),
    key: operations.keys === 2 ? fc.constantFrom("a", "b") : fc.constant("a")
  })
  return fc.tuple(fc.array(operation, { minLength: 2, maxLength: 9, size: "max" }), choices, burst)
}

/** Runs that a search would take. */
export const sampleRuns = (search: Omit<Search, "promise" | "rules">): ReadonlyArray<Choice> =>
  fc.sample(arbitrary(search), { seed: search.seed, numRuns: search.runs })

const brokenBy = ({ scenario, rules = allRules, promise }: Search, chosen: Choice, isTraced = false) => {
  const [operations, choices, burst] = chosen
  const run = new Run(scenario, rules, operations, isTraced)
  try {
    run.choose(choices, burst)
    return undefined
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    return promise === undefined || promise === error.promise ? { error, trace: run.trace } : undefined
  }
}

/** Finds a run that breaks a promise; undefined when there is none among `runs`. */
export const findCounterexample = (search: Search): Counterexample | undefined => {
  const { seed, runs } = search
  const property = fc.property(arbitrary(search), (choice) => brokenBy(search, choice) === undefined)
  const first = fc.check(property, { seed, numRuns: runs, endOnFailure: true })
  if (first.counterexamplePath === null) return undefined
  const shrunk =
    search.shrink === true
      ? fc.check(property, { seed, path: first.counterexamplePath, interruptAfterTimeLimit: shrinkingTime })
      : first
  const [choice] = shrunk.counterexample ?? first.counterexample ?? []
  const broken = choice === undefined ? undefined : brokenBy(search, choice, true)
  if (broken === undefined) throw new Error("the model is not deterministic")
  const { error, trace } = broken
  const where = `seed ${seed}, path ${first.counterexamplePath}, after ${first.numRuns} runs`
  return { promise: error.promise, runs: first.numRuns, report: [error.message, ...trace, where].join("\n") }
}

/** in milliseconds */
const shrinkingTime = 20_000
