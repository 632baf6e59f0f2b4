/** The blocks of TypeScript that `bun run check:docs` compiles. */
import { describe, expect, it } from "@effect/vitest"
import ts from "typescript"
import { blockProgram } from "../../../scripts/docs/blocks/blockProblems.js"
import { blocksOfPage, examplesOfModule } from "../../../scripts/docs/blocks/codeBlocks.js"

const fence = (info: string, ...lines: ReadonlyArray<string>) => ["```" + info, ...lines, "```", ""].join("\n")

describe("the blocks of a page", () => {
  it("stand alone, or are compiled behind the block that they continue", () => {
    const page = [
      fence("ts", "const a = 1"),
      fence("sh", "ls"),
      fence("ts continues", "const b = a"),
      fence("ts", "const c = 2")
    ].join("\n")
    expect(blocksOfPage("p.md", page).map(({ line, text }) => [line, text])).toEqual([
      [2, "const a = 1\n"],
      [10, "const a = 1\nconst b = a\n"],
      [14, "const c = 2\n"]
    ])
  })

  it("may stand in a list", () => {
    const page = "1. So:\n\n   ```ts\n   const a = {\n     b: 1\n   }\n   ```\n"
    expect(blocksOfPage("p.md", page).map(({ text }) => text)).toEqual(["const a = {\n  b: 1\n}\n"])
  })

  it("are never skipped: a mark without a meaning fails, and so does a block that continues none", () => {
    expect(() => blocksOfPage("p.md", fence("ts nocheck"))).toThrow("p.md:1: `ts nocheck` means nothing")
    expect(() => blocksOfPage("p.md", fence("ts continues"))).toThrow("p.md:1: there is no block to continue")
  })
})

describe("the examples of a module", () => {
  it("end with their comment or with the next tag", () => {
    const module = `/**
 * Adds.
 *
 * @since 0.1.0
 * @example
 * const a = add(1, 2)
 *
 * const b = a
 * @category math
 */
export const add = 1

  /**
   * @example
   * const c = 3
   */
`
    expect(examplesOfModule("m.ts", module).map(({ line, text }) => [line, text])).toEqual([
      [6, "const a = add(1, 2)\n\nconst b = a\n"],
      [15, "const c = 3\n"]
    ])
  })
})

const options: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  types: [],
  module: ts.ModuleKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force
}
const problemsOf = (page: string) => blockProgram(blocksOfPage("p.md", page), [], options).problems()

describe("a compiled block", () => {
  it("reports once what is wrong with it, by its line on the page", () => {
    expect(
      problemsOf([fence("ts", "const a: string = 1"), fence("ts continues", "", "const b = c")].join("\n"))
    ).toEqual(["p.md:2: Type 'number' is not assignable to type 'string'.", "p.md:7: Cannot find name 'c'."])
  })

  it("finds the packages of the repository", () => {
    const block = fence("ts", 'import ts from "typescript"', "export const version: number = ts.version")
    expect(problemsOf(block)).toEqual(["p.md:3: Type 'string' is not assignable to type 'number'."])
  })
})
