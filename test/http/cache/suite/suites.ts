/** All cases, and the options that a suite needs. */
import type { Suite } from "./Case.js"
import { directiveSuites } from "./directiveCases.js"
import { freshnessSuites } from "./freshnessCases.js"
import { selectionSuites } from "./selectionCases.js"

export const suites: ReadonlyArray<Suite> = [...freshnessSuites, ...directiveSuites, ...selectionSuites]

const isHeuristic = /^(heuristic-|other-heuristic|pragma-response-no-cache-heuristic)/

/** The options of both caches for a case: the suite allows what is off by default. */
export const optionsFor = (id: string) => ({
  store: { setCookie: true },
  ...(isHeuristic.test(id) ? { heuristic: {} } : {})
})

/** The suites with the cases that a cache runs: those that it passes, and those that it answers otherwise. */
export const runnable = (face: "client" | "server"): ReadonlyArray<Suite> =>
  suites.flatMap(({ cases, name }) => {
    const run = cases.filter(({ [face]: verdict, steps }) => {
      return steps.length > 0 && (verdict === "passed" || "otherwise" in verdict)
    })
    return run.length === 0 ? [] : [{ name, cases: run }]
  })
