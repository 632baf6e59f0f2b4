/**
 * Takes every path through a small world. A state that was reached before, by another order of the same steps, is not
 * continued again. Programs cannot be copied, so that each branch repeats the steps that lead to it.
 */
import { Process } from "../process/process.js"
import { Broken } from "../promises.js"
import type { Rules } from "../rules.js"
import { Node } from "../servers/topology.js"
import { Run } from "./run.js"
import type { Operation, Scenario } from "./scenario.js"
import type { World } from "./world.js"

export interface SmallWorld {
  readonly scenario: Scenario
  readonly operations: ReadonlyArray<Operation>
  readonly rules: Rules
}

export interface Explored {
  readonly states: number
  /** steps from one state to the next */
  readonly steps: number
  /** the longest path */
  readonly depth: number
  /** paths that have come to rest */
  readonly ends: number
  /** whether no state was left out */
  readonly isComplete: boolean
  readonly broken: string | undefined
}

export interface Bounds {
  readonly maxStates: number
  /** by the monotonic clock, in milliseconds */
  readonly deadline?: number
}

const seed = 0x9e3779b9

/** 53 bits of a text. Two of a million states have the same number with a probability of one in 18,000. */
const hashOf = (text: string): number => {
  let low = seed
  let high = ~seed
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    low = Math.imul(low ^ code, 2654435761)
    high = Math.imul(high ^ code, 1597334677)
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  return 4294967296 * (2097151 & high) + (low >>> 0)
}

/** Objects that others refer to are their names. */
const plain = (_key: string, value: unknown): unknown => {
  if (value instanceof Process) return `process ${value.id}`
  if (value instanceof Node) return value.id
  if (value instanceof Map || value instanceof Set) return [...value]
  if (typeof value === "object" && value !== null && "generator" in value) return "task"
  return value
}

/** A text that is the same for two states only if everything that follows is. */
export const fingerprint = (world: World): string => JSON.stringify(world.fingerprint(), plain)

const start = ({ operations, rules, scenario }: SmallWorld, path: ReadonlyArray<number>, isTraced = false): Run => {
  const run = new Run(scenario, rules, operations, isTraced)
  for (const step of path) takeStep(run, step)
  return run
}

/** Stands for the step that may be taken before all others. */
const urgent = -1

const waysOn = (run: Run): Array<number> =>
  run.urgent() === undefined ? Array.from(run.possible(), (_, i) => i) : [urgent]

export const takeStep = (run: Run, step: number): void => {
  const action = step === urgent ? run.urgent() : run.possible()[step]
  if (action === undefined) throw new Error("the model is not deterministic")
  run.take(action)
}

/** What breaks when everything that has begun ends after a path. */
const brokenAtEnd = (small: SmallWorld, path: ReadonlyArray<number>): string | undefined => {
  const run = start(small, path, true)
  try {
    run.finish(run.world.processes)
    return undefined
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    return [error.message, ...run.trace].join("\n")
  }
}

/** Depth first. Every state that a path comes to rest in is also continued by the faults and the time that are left. */
export const explore = (small: SmallWorld, { deadline = Number.POSITIVE_INFINITY, maxStates }: Bounds): Explored => {
  const seen = new Set<number>()
  const path: Array<number> = []
  /** per step of the path: the steps that are still to be taken instead */
  const rest: Array<Array<number>> = []
  let steps = 0
  let depth = 0
  let ends = 0
  let run: Run | undefined = start(small, path)
  const result = (isComplete: boolean, broken?: string): Explored => ({
    states: seen.size,
    steps,
    depth,
    ends,
    isComplete,
    broken
  })

  const isNew = (run: Run): boolean => {
    const before = seen.size
    return seen.add(hashOf(fingerprint(run.world))).size > before
  }

  for (;;) {
    let next: Array<number> = []
    if (run !== undefined && isNew(run)) {
      next = waysOn(run)
      depth = Math.max(depth, path.length)
      if (run.isAtRest()) {
        ends++
        const broken = brokenAtEnd(small, path)
        if (broken !== undefined) return result(false, broken)
      }
      if (seen.size >= maxStates || performance.now() > deadline) return result(false)
    }
    // back to the last step that has another in its place
    rest.push(next)
    while (rest.at(-1)?.length === 0) {
      rest.pop()
      path.pop()
      run = undefined
    }
    const step = rest.at(-1)?.shift()
    if (step === undefined) return result(true)
    run ??= start(small, path)
    path.push(step)
    steps++
    try {
      takeStep(run, step)
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      const traced = new Run(small.scenario, small.rules, small.operations, true)
      try {
        for (const each of path) takeStep(traced, each)
      } catch {}
      return result(false, [error.message, ...traced.trace].join("\n"))
    }
  }
}
