/** docs/http-cache-cases.md is made from the cases. `WRITE_CASES=1` writes it. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { root } from "../../../support/root.js"
import type { Verdict } from "./Case.js"
import { suites } from "./suites.js"

const file = join(root, "docs", "http-cache-cases.md")

const cases = suites.flatMap(({ cases }) => cases)

const shown = (verdict: Verdict): string => {
  if (verdict === "passed") return "passed"
  if ("otherwise" in verdict) return `other answer: ${verdict.otherwise}`
  if ("passedBy" in verdict) return `passed by: ${verdict.passedBy}`
  return `not applicable: ${verdict.notApplicable}`
}

const count = (face: "client" | "server"): string => {
  const verdicts = cases.map(({ [face]: verdict }) => shown(verdict).split(":")[0] ?? "")
  return ["passed", "other answer", "passed by", "not applicable"]
    .map((kind) => verdicts.filter((verdict) => verdict === kind).length)
    .join(" | ")
}

const row = (id: string, server: string, client: string): string =>
  `| \`${id}\` | ${server} | ${client === server ? (server === "passed" ? "passed" : "the same") : client} |`

const page = `# The cases of cache-tests.fyi

What the caches of \`effect-cache-toolkit/http-cache\` do with each case of a public suite. Read [http-cache.md](http-cache.md) to use them.

[cache-tests.fyi](https://cache-tests.fyi) describes how HTTP caches behave
([its source](https://github.com/http-tests/cache-tests)). Some cases are requirements of RFC 9111, and some are optimisations.
Others ask what a cache does. The ids are those of that suite. The tests are this project's own:
[test/http/cache/suite](../test/http/cache/suite) runs each case by its id on both caches.

- **passed**: the cache does what the case describes.
- **other answer**: the case asks what a cache does or describes an optimisation, and this one does otherwise; a test shows that too.
- **passed by**: such requests go to the origin, and their responses are not stored.
- **not applicable**: the case is about something that this cache has not.

The cache of a server runs them with \`shared: true\`, and that of a client as a private cache. A case for shared caches runs on a shared
one. Both store cookies, and estimate freshness where the case is about that.

| | passed | other answer | passed by | not applicable |
|---|---|---|---|---|
| server | ${count("server")} |
| client | ${count("client")} |

${suites
  .map(({ cases, name }) =>
    [
      `## ${name}`,
      "",
      "| case | server | client |",
      "|---|---|---|",
      ...cases.map(({ client, id, server }) => row(id, shown(server), shown(client)))
    ].join("\n")
  )
  .join("\n\n")}
`

describe("the cases of cache-tests.fyi", () => {
  it("are all here, each once", () => {
    const ids = cases.map(({ id }) => id)
    expect(ids.length).toBe(370)
    expect(new Set(ids).size).toBe(370)
  })

  it("are listed in docs/http-cache-cases.md as they are run", () => {
    if (process.env.WRITE_CASES === "1") writeFileSync(file, page)
    expect(readFileSync(file, "utf8")).toBe(page)
  })
})
