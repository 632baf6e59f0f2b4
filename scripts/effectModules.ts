/**
 * Lets the package load beside Effect 4, so that `src/internal/EffectVersion.ts` can say what is wrong.
 *
 * Node and Bun resolve all imports before any module runs, and fail with the path of the first file that is missing. So in
 * `dist` the modules that Effect 4 lacks, and those that lack a named export there, are imported by way of `#effect/<module>`, an import of package.json. Node and Bun find
 * a file there that takes the module from the main entry point of `effect`, where it may be missing. Bundlers find the module
 * itself, which they can take apart.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import ts from "typescript"

/** The modules that cannot be imported from Effect 4 as this package does. `bun run check:install` finds one that is not listed. */
const differentInEffect4 = [
  "ConfigError",
  "DefaultServices",
  "Either",
  "Encoding",
  "ExecutionStrategy",
  "FiberId",
  "FiberRef",
  "FiberRefs",
  "Function",
  "GlobalValue",
  "List",
  "MetricBoundaries",
  "MetricLabel",
  "ModuleVersion",
  "ParseResult",
  "RuntimeFlags"
]

/** Effect 4 has its version under another name. */
const nameInEffect4: Record<string, string> = { ModuleVersion: "Version" }

const specifierOf = (specifier: ts.Expression): string | undefined => {
  const name = ts.isStringLiteral(specifier) ? /^effect\/(\w+)$/.exec(specifier.text)?.[1] : undefined
  return name !== undefined && differentInEffect4.includes(name) ? `#effect/${name}` : undefined
}

/** The transformer of TypeScript's emit, for JavaScript. Declarations keep `effect/<module>`. */
export const effectImports: ts.TransformerFactory<ts.SourceFile> = (context) => (file) =>
  ts.visitEachChild(
    file,
    (statement) => {
      const specifier = ts.isImportDeclaration(statement) ? specifierOf(statement.moduleSpecifier) : undefined
      return ts.isImportDeclaration(statement) && specifier !== undefined
        ? context.factory.updateImportDeclaration(
            statement,
            statement.modifiers,
            statement.importClause,
            context.factory.createStringLiteral(specifier),
            statement.attributes
          )
        : statement
    },
    context
  )

/** The text of the file that Node and Bun load for a module of Effect, with the exports of the installed Effect 3. */
const optionalModule = async (name: string): Promise<string> => {
  const names = [name, nameInEffect4[name]].filter((at) => at !== undefined)
  const exported = Object.keys(await import(`effect/${name}`))
  return [
    `import * as effect from "effect"`,
    `const found = ${names.map((at) => `effect.${at}`).join(" ?? ")} ?? {}`,
    // an export may be called `void`, which no constant can
    ...exported.map((at) => `const $${at} = found.${at}`),
    `export { ${exported.map((at) => `$${at} as ${at}`).join(", ")} }`,
    ""
  ].join("\n")
}

/** Writes these files into the `dist` of the package. */
export const writeOptionalModules = async (dist: string): Promise<void> => {
  await mkdir(join(dist, "effect"), { recursive: true })
  await Promise.all(
    differentInEffect4.map(async (name) => writeFile(join(dist, "effect", `${name}.js`), await optionalModule(name)))
  )
}
