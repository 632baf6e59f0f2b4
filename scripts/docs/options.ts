/** Writes the tables of options into docs/reference/options. `bun run check:docs` fails where they have drifted from the source. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript"
import { optionPages } from "./options/optionPages.js"
import { compilerOptions, entryFiles, root } from "./publicModules.js"

const folder = join(root, "docs", "reference", "options")
const { pages, problems } = optionPages(ts.createProgram(entryFiles, compilerOptions()))
mkdirSync(folder, { recursive: true })
for (const name of readdirSync(folder)) if (!pages.has(name)) rmSync(join(folder, name))
for (const [name, text] of pages) writeFileSync(join(folder, name), text)
for (const problem of problems) process.stdout.write(`${problem.replace(root, "")}\n`)
if (problems.length > 0) process.exitCode = 1
