/**
 * Fails where a module of `src` outside of `src/internal/effect` uses what Effect does not declare. `docs/effect-4.md` lists what
 * that folder uses. `--all` lists its places too.
 */
import { relative } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { internalsIn } from "./effect/internals.js"

const root = fileURLToPath(new URL("../", import.meta.url))
const home = "src/internal/effect/"

const config = ts.getParsedCommandLineOfConfigFile(
  `${root}tsconfig.json`,
  { incremental: false },
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => process.stderr.write(`${messageText}\n`) }
)
if (config === undefined) throw new Error("tsconfig.json cannot be read")

const program = ts.createProgram(
  config.fileNames.filter((name) => relative(root, name).startsWith("src/")),
  config.options
)
const withHome = process.argv.includes("--all")
let found = 0

for (const source of program.getSourceFiles()) {
  const file = relative(root, source.fileName)
  if (!file.startsWith("src/")) continue
  const isHome = file.startsWith(home)
  if (isHome && !withHome) continue
  for (const { line, what } of internalsIn(program, source)) {
    if (!isHome) found++
    process.stdout.write(`${file}:${line}: ${what}${isHome ? "" : `; move it into ${home}, with a test`}\n`)
  }
}

process.stdout.write(`${found} uses of Effect beyond its API outside of ${home}\n`)
if (found > 0) process.exitCode = 1
