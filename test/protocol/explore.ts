/**
 * Explores the small worlds exhaustively, and prints the states of each. `--minutes` bounds the whole of it; every world has
 * an equal share of what is left when it begins.
 */
import { explore } from "./runs/exhaustive.js"
import { smallWorlds } from "./runs/smallWorlds.js"

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const given = process.argv.indexOf("--minutes")
const minutes = given === -1 ? 10 : Number(process.argv[given + 1])
const end = performance.now() + minutes * 60_000

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
