/** Prints what was checked and what is wrong with it. A problem makes the process end with 1. */
import { root } from "./publicModules.js"

const print = (line: string): void => void process.stdout.write(`${line}\n`)

export const report = (what: string, problems: ReadonlyArray<string>): void => {
  print(problems.length === 0 ? `${what}: nothing is wrong` : `${what}: ${problems.length} problems`)
  for (const problem of problems) print(`  ${problem.replaceAll(root, "")}`)
  if (problems.length > 0) process.exitCode = 1
}
