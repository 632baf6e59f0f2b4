/**
 * Throws when it is loaded beside an Effect that this package does not run on. Each entry point imports it first, so that
 * the error comes before a module that uses what is missing.
 *
 * @internal
 */
import * as ModuleVersion from "effect/ModuleVersion"

/** The peer range of package.json is `^3.22.0`. */
const [major, minor] = [3, 22]

/** Describes the mismatch of a version such as `4.1.0`, and what to do. `undefined` for a version that fits. */
export const mismatch = (found: string): string | undefined => {
  const [foundMajor = 0, foundMinor = 0] = found.split(".").map(Number)
  if (foundMajor === major && foundMinor >= minor) return undefined
  return (
    `effect-cache-toolkit needs effect ^${major}.${minor}.0, and found effect ${found}. ` +
    `Install it: npm install effect@${major}.${minor} (or pnpm add, yarn add, bun add)`
  )
}

/** The build lets this be missing, since Effect 4 has no module of this name (scripts/effectModules.ts). */
const getCurrentVersion: (() => string) | undefined = ModuleVersion.getCurrentVersion

const problem = mismatch(getCurrentVersion?.() ?? "4.0")
if (problem !== undefined) throw new Error(problem)
