/**
 * `bun scripts/sourceMaps.ts <folder of the package>`: fails where a module or a declaration of `dist` has no source map, or a
 * map names a source that is not in the package. A debugger and "go to definition" then reach the TypeScript.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

const folder = process.argv[2]
if (folder === undefined) throw new Error("usage: bun scripts/sourceMaps.ts <folder of the package>")

/** Bundles, files of other authors, and what is written for Effect 4 have no source in `src`. */
const withoutSource = /^dist\/(bin|effect|http\/dashboard\/assets)\//

const modules = globSync("dist/**/*.{js,d.ts}", { cwd: folder }).filter((path) => !withoutSource.test(path))
const problems = modules.flatMap((path) => {
  const map = join(folder, `${path}.map`)
  if (!existsSync(map)) return [`${path} has no source map`]
  if (!readFileSync(join(folder, path), "utf8").includes("//# sourceMappingURL="))
    return [`${path} does not name its map`]
  const { sources }: { readonly sources: ReadonlyArray<string> } = JSON.parse(readFileSync(map, "utf8"))
  return sources
    .filter((source) => !existsSync(join(dirname(map), source)))
    .map((source) => `${path} comes from ${source}, which is not packed`)
})

if (problems.length > 0) throw new Error(problems.slice(0, 10).join("\n"))
if (modules.length < 100) throw new Error(`only ${modules.length} modules in ${folder}/dist`)
process.stdout.write(`${modules.length} files of dist lead to their sources\n`)
