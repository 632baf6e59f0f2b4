/** The pages under docs/ show programs of examples/docs/, which are compiled with the rest and run here. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { root } from "../support/root.js"
import { run } from "./support/program.js"

const read = (...path: ReadonlyArray<string>) => readFileSync(join(root, ...path), "utf8")
const filesIn = (folder: string, extension: string) =>
  readdirSync(join(root, folder)).filter((name) => name.endsWith(extension))

const programs = new Map(filesIn("examples/docs", ".ts").map((name) => [name, read("examples/docs", name)]))

/** The programs that a page shows: its blocks of TypeScript that import something. */
const shown = filesIn("docs", ".md").flatMap((page) =>
  [...read("docs", page).matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
    .map((match) => match[1] ?? "")
    .filter((block) => /^import /m.test(block))
    .map((block) => ({ page, block }))
)

describe("the pages under docs", () => {
  it("show no program but those of examples/docs", () => {
    const texts = [...programs.values()]
    expect(shown.filter(({ block }) => !texts.includes(block)).map(({ page }) => page)).toEqual([])
  })

  it("show every program of examples/docs", () => {
    const blocks = shown.map(({ block }) => block)
    expect([...programs].filter(([, text]) => !blocks.includes(text)).map(([name]) => name)).toEqual([])
  })

  for (const name of programs.keys()) {
    it.live(`${name} runs alone and prints what it does`, () =>
      Effect.gen(function* () {
        const { code, output } = yield* run(join("examples", "docs", name))
        expect(output).not.toBe("")
        expect(code, output).toBe(0)
      })
    )
  }
})
