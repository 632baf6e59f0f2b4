/**
 * Checks the site that `bun run docs` has built: each link leads to a page and an element that are there, every page is shown without an
 * error, wide and narrow, nothing is asked of another host, and the search finds what it should.
 */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { skipReason } from "../../test/support/Chromium.js"
import { root } from "./publicModules.js"
import { report } from "./report.js"
import { readSite, siteProblems } from "./site/builtSite.js"
import { problemsInChromium } from "./site/siteInChromium.js"

const searches = [
  { term: "fencing token", finds: "/locks" },
  { term: "onUnavailable", finds: "/reference/options/" },
  { term: "DistributedSemaphore", finds: "/reference/api/" }
]

const site = readSite(join(root, "docs", ".vitepress", "dist"))
report(`Links of ${site.pages.length} pages of the site`, siteProblems(site))
if (skipReason === undefined) {
  report("The site in chromium", await Effect.runPromise(problemsInChromium(site, searches)))
} else {
  report("The site in chromium", process.env.CI === undefined ? [] : [skipReason])
  if (process.env.CI === undefined) process.stdout.write(`  not looked at: ${skipReason}\n`)
}
