/**
 * Preloaded, it takes out of the toolkit what only watches it: the circuit breaker, the counts, the events and the
 * metrics. What is left is compared with the toolkit as it is.
 */
import { readFileSync } from "node:fs"

/** A module whose `make` answers the same with some of its members replaced. */
const replaceMembers = (members: string) => (source: string) =>
  `${source.replace("export const make =", "const makeWhole =")}
import { isEffect, map } from "effect/Effect"
export const make = (...args) => {
  const members = { ${members} }
  // a name that has changed would leave the whole toolkit in place
  const replaced = (whole) => {
    for (const name of Object.keys(members)) if (!(name in whole)) throw new Error("no " + name + " to strip")
    return { ...whole, ...members }
  }
  const made = makeWhole(...args)
  return isEffect(made) ? map(made, replaced) : replaced(made)
}`

const nothing = "() => {}"

const stripped: ReadonlyArray<readonly [file: RegExp, strip: (source: string) => string]> = [
  [/\/src\/redis\/CircuitBreaker\.ts$/, replaceMembers(`state: () => "Closed", succeeded: ${nothing}`)],
  [
    /\/src\/cache\/CacheObserver\.ts$/,
    replaceMembers(`hitLocal: ${nothing}, hitRedis: ${nothing}, isRecovering: () => false`)
  ],
  [/\/src\/cache\/LatencyHistogram\.ts$/, replaceMembers(`note: ${nothing}`)],
  [
    /\/src\/cache\/CacheStats\.ts$/,
    (source) => `${source.replace("export const publish =", "const publishWhole =")}
export const publish = () => Effect.void`
  ]
]

Bun.plugin({
  name: "stripped",
  setup: (build) => {
    for (const [filter, strip] of stripped) {
      build.onLoad({ filter }, ({ path }) => {
        const source = readFileSync(path, "utf8")
        const contents = strip(source)
        // a name that has changed would leave the whole toolkit in place
        if (!/const \w+Whole =/.test(contents)) throw new Error(`nothing to strip in ${path}`)
        return { contents, loader: "ts" }
      })
    }
  }
})
