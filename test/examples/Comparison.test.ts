/** What docs/comparison.md says of this cache is shown by tests, which it names; they have to be there. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { root } from "../support/root.js"

const page = readFileSync(join(root, "docs", "comparison.md"), "utf8")

interface Shown {
  readonly name: string
  readonly file: string
}

/** The tests that a text names: links to a file of tests, of which each is the name of one. */
const shownBy = (text: string): ReadonlyArray<Shown> =>
  [...text.matchAll(/\[([^\][]+)\]\(\.\.\/(test\/[^)]+)\)/g)].map(([, name = "", file = ""]) => ({ name, file }))

/** The lines of the tables in one part of the page, without their heads. */
const rowsOf = (part: string): ReadonlyArray<string> =>
  part.split("\n").filter((line, at, lines) => line.startsWith("| ") && !/^\|-/.test(lines[at + 1] ?? ""))

const [compared = "", leftOut = ""] = page.split("\n## Left out on purpose\n")

/** The features: the lines of the tables. */
const features = rowsOf(compared).map((line) => {
  const [feature, ...columns] = line.slice(1, -1).split("|")
  const [here = "", tests = ""] = columns.slice(-2)
  return { feature: feature?.trim(), here: here.trim(), tests: shownBy(tests) }
})

const isThere = ({ file, name }: Shown) => {
  if (!existsSync(join(root, file))) return false
  const tests = readFileSync(join(root, file), "utf8")
  return ['"', "`"].some((quote) => tests.includes(`${quote}${name}${quote}`))
}

describe("the comparison", () => {
  it("names tests that are there", () => {
    const named = shownBy(page)
    expect(named.length).toBeGreaterThan(70)
    expect(named.filter((shown) => !isThere(shown))).toEqual([])
  })

  it("names a test of every feature that is here", () => {
    const here = features.filter((feature) => /^(yes|partly)\b/.test(feature.here))
    expect(here.length).toBeGreaterThan(40)
    expect(here.filter(({ tests }) => tests.length === 0)).toEqual([])
  })

  it("says of every other feature that it is not here, and what to do or why", () => {
    const others = features.filter((feature) => !/^(yes|partly)\b/.test(feature.here))
    expect(others.filter((feature) => !/^no(, on purpose)?: ./.test(feature.here))).toEqual([])
  })

  it("says of what is left out who has it, why it is left out, and what to do instead", () => {
    const rows = rowsOf(leftOut).map((row) =>
      row
        .slice(1, -1)
        .split(" | ")
        .map((cell) => cell.trim())
    )
    expect(rows.length).toBeGreaterThan(5)
    expect(rows.filter((cells) => cells.length !== 4 || cells.includes(""))).toEqual([])
  })
})
