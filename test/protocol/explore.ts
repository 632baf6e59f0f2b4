/**
 * Searches the model for a broken promise: exhaustively through the small worlds, or with `--random` through random runs of
 * every family, with new seeds. `--minutes` bounds the whole of it.
 */
import { allRules, essentialRules } from "./rules.js"
import { explore } from "./runs/exhaustive.js"
import { families, familiesOfServers } from "./runs/scenarios.js"
import { findCounterexample } from "./runs/search.js"
import { smallWorlds } from "./runs/smallWorlds.js"

const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** Every world has an equal share of what is left of the time when it begins. */
const exploreSmallWorlds = (end: number): void => {
  let states = 0
  let steps = 0
  let depth = 0
  let complete = 0
  print("states | steps | depth | ends | complete | world")
  for (const [i, world] of smallWorlds.entries()) {
    const now = performance.now()
    const share = (end - now) / (smallWorlds.length - i)
    const found = explore(world, { maxStates: Number.POSITIVE_INFINITY, deadline: now + share })
    states += found.states
    steps += found.steps
    depth = Math.max(depth, found.depth)
    if (found.isComplete) complete++
    const isComplete = found.isComplete ? "yes" : "no"
    print([found.states, found.steps, found.depth, found.ends, isComplete, world.name].join(" | "))
    if (found.broken === undefined) continue
    print(found.broken)
    process.exitCode = 1
  }
  print(`${states} states, ${steps} steps, depth ${depth}; ${complete} of ${smallWorlds.length} worlds complete`)
}

/** The report of a broken promise ends with the seed and the path that repeat it. */
const searchRandomRuns = (end: number): void => {
  const runs = 1_000
  const sets = [
    ["all rules", allRules],
    ["the essential rules", essentialRules]
  ] as const
  let total = 0
  let seed = Math.floor(Math.random() * 2 ** 31)
  while (performance.now() < end) {
    for (const [name, family] of Object.entries({ ...families, ...familiesOfServers })) {
      for (const [title, rules] of sets) {
        const found = findCounterexample({ ...family, rules, seed, runs, shrink: true })
        total += runs
        if (found === undefined) continue
        print(`${name} with ${title}: ${found.report}`)
        process.exitCode = 1
      }
    }
    print(`${total} runs up to seed ${seed}`)
    seed++
  }
}

const given = process.argv.indexOf("--minutes")
const minutes = given === -1 ? 10 : Number(process.argv[given + 1])
const end = performance.now() + minutes * 60_000
if (process.argv.includes("--random")) searchRandomRuns(end)
else exploreSmallWorlds(end)
