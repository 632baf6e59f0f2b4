/** The pages under docs/ show programs of examples/, which are compiled with the rest and run here or in Examples.test.ts. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { root } from "../support/root.js"
import { run } from "./support/program.js"

const read = (path: string) => readFileSync(join(root, path), "utf8")
const filesIn = (folder: string, extension: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension) && !name.includes("node_modules"))
    .map((name) => join(folder, name))
    // `bun run docs` writes these from the doc comments
    .filter((path) => !path.startsWith("docs/reference/api/"))

const textsOf = (paths: ReadonlyArray<string>) => new Map(paths.map((path) => [path, read(path)]))

/** Those that exist for a page. */
const ofPages = textsOf([...filesIn("examples/docs", ".ts"), ...filesIn("examples/tutorial", ".ts")])
const programs = textsOf([...filesIn("examples", ".ts"), ...filesIn("test/examples", ".test.ts")])

/** A program runs an effect, awaits a promise, or is a test. Every other block is compiled by `bun run check:docs`. */
const isProgram = (block: string) =>
  /\.(runPromise|runPromiseExit|runFork|runSync|runMain)\b|^it[.(]|^await /m.test(block)

/** The programs that a page shows: its blocks of TypeScript that run something. */
const shown = filesIn("docs", ".md").flatMap((page) =>
  [...read(page).matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
    .map((match) => match[1] ?? "")
    .filter(isProgram)
    .map((block) => ({ page, block }))
)

describe("the pages under docs", () => {
  it("show no program but those of examples", () => {
    const texts = [...programs.values()]
    expect(shown.filter(({ block }) => !texts.includes(block)).map(({ page }) => page)).toEqual([])
  })

  it("show every program of examples/docs and examples/tutorial", () => {
    const blocks = shown.map(({ block }) => block)
    expect([...ofPages].filter(([, text]) => !blocks.includes(text)).map(([path]) => path)).toEqual([])
  })

  it("show every drawing of docs/pictures", () => {
    const pages = filesIn("docs", ".md").map(read).join("\n")
    expect(filesIn("docs/pictures", ".svg").filter((path) => !pages.includes(path.replace("docs/", "")))).toEqual([])
  })

  for (const path of ofPages.keys()) {
    // those before a migration need a server, and those of other frameworks are handlers: Migrations and Recipes.test.ts run them
    const isRunElsewhere = /\/before\/|\/recipes\/(express|hono|next)\.ts$/.test(path)
    if (!path.startsWith("examples/docs") || isRunElsewhere) continue
    it.live(`${path.slice("examples/docs/".length)} runs alone and prints what it does`, () =>
      Effect.gen(function* () {
        const { code, output } = yield* run(path)
        expect(output).not.toBe("")
        expect(code, output).toBe(0)
      })
    )
  }
})
