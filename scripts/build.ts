/**
 * `bun run build`: compiles `src` to `dist`, as `tsc -p tsconfig.build.json` does, with the calls of module loading marked
 * as pure, and with imports that fail on another Effect with a message. Then bundles the command `effect-cache`.
 */
import { cp, rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import ts from "typescript"
import { bundleCommand } from "./bundleCommand.js"
import { effectImports, writeOptionalModules } from "./effectModules.js"
import { pureCalls } from "./pureCalls.js"

const root = resolve(import.meta.dirname, "..")
const host: ts.FormatDiagnosticsHost = {
  getCurrentDirectory: () => root,
  getCanonicalFileName: (name) => name,
  getNewLine: () => ts.sys.newLine
}

await rm(join(root, "dist"), { recursive: true, force: true })

const { config, error } = ts.readConfigFile(join(root, "tsconfig.build.json"), ts.sys.readFile)
const { errors, fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root)

/** `stripInternal` would leave out the first import of a module whose comment says `@internal`. */
const compiler = ts.createCompilerHost(options)
const { readFile } = compiler
compiler.readFile = (fileName) =>
  readFile(fileName)?.replace(/^\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*import /, (head) =>
    head.replace("@internal", "internal.")
  )

const program = ts.createProgram(fileNames, options, compiler)
const emitted = program.emit(undefined, undefined, undefined, false, { after: [pureCalls, effectImports] })
await writeOptionalModules(join(root, "dist"))
// the dashboard serves these files as they are
const assets = "http/dashboard/assets"
await cp(join(root, "src", assets), join(root, "dist", assets), { recursive: true })

const problems = [...(error ? [error] : []), ...errors, ...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics]

if (problems.length > 0) {
  process.stderr.write(ts.formatDiagnostics(problems, host))
  process.exitCode = 1
}

await bundleCommand(root)
