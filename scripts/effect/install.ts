/** The packages of Effect 4, in a folder of their own. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import ts from "typescript"
import { packages } from "./names.js"

/** Installs the packages, and removes them after `use`. A folder that has them already is used as it is. */
export const withEffect4 = <A>(given: string | undefined, use: (folder: string) => A): A => {
  if (given !== undefined) return use(given)
  const folder = mkdtempSync(join(tmpdir(), "effect-4-"))
  try {
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }')
    const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`)
    execFileSync(
      "npm",
      ["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--legacy-peer-deps", ...wanted],
      { cwd: folder, stdio: "inherit" }
    )
    return use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The declarations of a module of Effect 4; undefined where there is none. */
export const declarationsOf = (folder: string, module: string): string | undefined => {
  const [, name = "", path = "index"] = /^(effect|@effect\/[\w-]+)(?:\/(.+))?$/.exec(module) ?? []
  const file = join(folder, "node_modules", name, "dist", `${path}.d.ts`)
  return name !== "" && existsSync(file) ? file : undefined
}

/** The exports of modules of Effect 4. A module that does not exist is absent. */
export const exportsOf = (folder: string, modules: Iterable<string>): ReadonlyMap<string, ReadonlySet<string>> => {
  const files = new Map([...modules].map((module) => [module, declarationsOf(folder, module)]))
  const program = ts.createProgram(
    [...files.values()].filter((file) => file !== undefined),
    {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      skipLibCheck: true,
      types: []
    }
  )
  const checker = program.getTypeChecker()
  const found = new Map<string, ReadonlySet<string>>()
  for (const [module, file] of files) {
    const source = file === undefined ? undefined : program.getSourceFile(file)
    const symbol = source === undefined ? undefined : checker.getSymbolAtLocation(source)
    if (symbol === undefined) continue
    found.set(module, new Set(checker.getExportsOfModule(symbol).map(({ name }) => name)))
  }
  return found
}
