/**
 * A preload that empties the parts of the toolkit that only observe it: circuit breaker, counts and events. The
 * workload `overhead` compares what is left with the whole toolkit. A part that was renamed or moved ends the process, since
 * the toolkit would otherwise be compared with itself.
 */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** The source of a module, whose `make` then replaces some members of what it returns. */
const replaceMembers = (members: string) => (source: string) =>
  `${source.replace("export const make =", "const makeWhole =")}
import { isEffect, map } from "effect/Effect"
export const make = (...args) => {
  const members = { ${members} }
  const replaced = (whole) => {
    for (const name of Object.keys(members)) if (!(name in whole)) throw new Error("no " + name + " to strip")
    return { ...whole, ...members }
  }
  const made = makeWhole(...args)
  return isEffect(made) ? map(made, replaced) : replaced(made)
}`

const nothing = "() => {}"

/** The files of `src`, and how each is stripped. */
const stripped: ReadonlyArray<readonly [file: string, strip: (source: string) => string]> = [
  ["redis/connection/CircuitBreaker.ts", replaceMembers(`state: () => "Closed", succeeded: ${nothing}`)],
  [
    "cache/observe/CacheObserver.ts",
    replaceMembers(`hitLocal: ${nothing}, hitRedis: ${nothing}, isRecovering: () => false`)
  ],
  ["internal/collection/LatencyHistogram.ts", replaceMembers(`note: ${nothing}`)]
]

Bun.plugin({
  name: "stripped",
  setup: (build) => {
    for (const [file, strip] of stripped) {
      const contents = strip(readFileSync(fileURLToPath(new URL(`../../src/${file}`, import.meta.url)), "utf8"))
      if (!/const \w+Whole =/.test(contents)) throw new Error(`nothing to strip in src/${file}`)
      build.onLoad({ filter: new RegExp(`/src/${file.replaceAll(".", "\\.")}$`) }, () => ({ contents, loader: "ts" }))
    }
  }
})
