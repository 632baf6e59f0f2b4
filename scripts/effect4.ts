/**
 * Measures what a port to Effect 4 touches: the modules and names that are elsewhere, and what the type-checker finds after they
 * are replaced. `--write` puts the result into docs/effect-4.md. `--packages <folder>` takes Effect 4 from a folder.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs"
import { relative } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { declarationsOf, exportsOf, withEffect4 } from "./effect/install.js"
import { members, modules } from "./effect/names.js"
import { port } from "./effect/port.js"
import { type Measured, report, type Source } from "./effect/report.js"
import { usesOf } from "./effect/uses.js"

const root = fileURLToPath(new URL("../", import.meta.url))
const page = `${root}docs/effect-4.md`

const config = ts.getParsedCommandLineOfConfigFile(
  `${root}tsconfig.json`,
  { incremental: false },
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => process.stderr.write(`${messageText}\n`) }
)
if (config === undefined) throw new Error("tsconfig.json cannot be read")
const { options } = config
const isIn = (folder: string) => (name: string) => relative(root, name).startsWith(`${folder}/`)
const sources = config.fileNames.filter(isIn("src"))

/** Type-checks the sources with Effect 4. */
const checked = (folder: string, texts: ReadonlyMap<string, string>): ReadonlyArray<ts.Diagnostic> => {
  const host = ts.createCompilerHost(options)
  const program = ts.createProgram(sources, options, {
    ...host,
    readFile: (name) => texts.get(name) ?? host.readFile(name),
    getSourceFile: (name, version) => {
      const text = texts.get(name)
      return text === undefined ? host.getSourceFile(name, version) : ts.createSourceFile(name, text, version, true)
    },
    resolveModuleNameLiterals: (literals, from, _redirected, settings, file) =>
      literals.map((literal) => {
        const isEffects = /^@?effect(\/|$)/.test(literal.text)
        const resolvedFileName = isEffects ? declarationsOf(folder, literal.text) : undefined
        if (resolvedFileName !== undefined) {
          return { resolvedModule: { resolvedFileName, extension: ts.Extension.Dts, isExternalLibraryImport: true } }
        }
        if (isEffects && isIn("src")(from)) return { resolvedModule: undefined }
        return ts.resolveModuleName(literal.text, from, settings, host, undefined, undefined, file.impliedNodeFormat)
      })
  })
  return sources.flatMap((name) => {
    const source = program.getSourceFile(name)
    return source === undefined
      ? []
      : [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
  })
}

/** The names of the tables that Effect 4 does not have. */
const wrongNames = (exported: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyArray<string> =>
  Object.entries(members).flatMap(([module, names]) =>
    Object.values(names).flatMap((name) => {
      const [of, own = name] = name.includes("/") ? name.split(".") : [modules.get(module) ?? module, name]
      return exported.get(of ?? "")?.has(own) === true ? [] : [`${of}.${own}`]
    })
  )

const measure = (folder: string): Measured => {
  const three = ts.createProgram(sources, options)
  const checker = three.getTypeChecker()
  const files = sources.flatMap((name): ReadonlyArray<Source> => {
    const file = three.getSourceFile(name)
    return file === undefined ? [] : [{ name, file, uses: usesOf(file), ported: port(file, checker) }]
  })
  const used = new Set(files.flatMap(({ uses }) => uses.imports.map(({ text }) => text)))
  const elsewhere = Object.values(members).flatMap((names) =>
    Object.values(names).flatMap((name) => (name.includes("/") ? [name.split(".")[0] ?? ""] : []))
  )
  const exported = exportsOf(folder, [
    ...[...used].map((module) => modules.get(module) ?? module),
    ...modules.values(),
    ...elsewhere
  ])
  const wrong = [...wrongNames(exported), ...[...modules.values()].filter((module) => !exported.has(module))]
  if (wrong.length > 0) throw new Error(`Effect 4 does not have ${wrong.join(", ")}: change scripts/effect/names.ts`)

  const others = globSync("{test,bench,examples,scripts}/**/*.ts", { cwd: root })
    .filter((path) => !path.includes("node_modules"))
    .map((path): Source => {
      const name = `${root}${path}`
      const file = ts.createSourceFile(name, readFileSync(name, "utf8"), ts.ScriptTarget.Latest, true)
      return { name, file, uses: usesOf(file), ported: port(file) }
    })
  const before = checked(folder, new Map())
  const after = checked(folder, new Map(files.map(({ name, ported }) => [name, ported.text])))
  return { root, sources: files, others, exported, before, after }
}

const at = process.argv.indexOf("--packages")
const measured = withEffect4(at < 0 ? undefined : process.argv[at + 1], (folder) => report(measure(folder)))

if (process.argv.includes("--write")) {
  const [begin, end] = ["<!-- measured -->", "<!-- end of what is measured -->"]
  const text = readFileSync(page, "utf8")
  const [start, stop] = [text.indexOf(begin), text.indexOf(end)]
  if (start < 0 || stop < start) throw new Error(`${page} has no place for what is measured`)
  writeFileSync(page, `${text.slice(0, start + begin.length)}\n\n${measured}\n${text.slice(stop)}`)
} else {
  process.stdout.write(`${measured}\n`)
}
