/**
 * Checks the documentation: `bun run check:docs`.
 *
 * - Every block of TypeScript of every page, and every example of a doc comment, compiles.
 * - The tables of options are those of the source.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { blockProgram } from "./blocks/blockProblems.js"
import { blocksOfPage, examplesOfModule } from "./blocks/codeBlocks.js"
import { markdownFiles } from "./markdown/links.js"
import { optionPages } from "./options/optionPages.js"
import { compilerOptions, entryFiles, root } from "./publicModules.js"
import { report } from "./report.js"

const read = (path: string): string => readFileSync(join(root, path), "utf8")
const modules = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join("src", name))

const blocks = [
  ...markdownFiles(root).flatMap((file) => blocksOfPage(file, read(file))),
  ...modules.flatMap((file) => examplesOfModule(file, read(file)))
]
const { problems, program } = blockProgram(blocks, entryFiles, compilerOptions())
report(`${blocks.length} blocks of TypeScript in pages and doc comments`, problems())

/** The pages of options that the source gives, compared with those in docs. */
const drift = (): ReadonlyArray<string> => {
  const folder = "docs/reference/options"
  const { pages, problems } = optionPages(program)
  const stale = readdirSync(join(root, folder)).filter((name) => !pages.has(name))
  const different = [...pages].filter(([name, text]) => {
    const path = join(folder, name)
    return !existsSync(join(root, path)) || read(path) !== text
  })
  const names = [...stale, ...different.map(([name]) => name)]
  return [
    ...problems,
    ...names.map((name) => `${folder}/${name} is not what the source says: run \`bun run docs:options\``)
  ]
}
report("Tables of options", drift())
