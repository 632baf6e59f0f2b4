/**
 * Writes the API reference into docs/reference/api: a page for each namespace of each entry point, from the doc comments.
 *
 * TypeDoc names modules and pages after paths of src. Here they are named after what a program imports.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Application, type Context, Converter, ReflectionKind, type TypeDocOptions } from "typedoc"
import type { PluginOptions } from "typedoc-plugin-markdown"
import { entryPoints, repository } from "./packageManifest.js"

const root = fileURLToPath(new URL("../../", import.meta.url))
const out = join(root, "docs", "reference", "api")

/** `effect-cache-toolkit.driver.Namespace.Sentinel.md` is the page of `driver.Sentinel`. */
const pageOf = (file: string): string =>
  file
    .replace(/^effect-cache-toolkit\.md$/, "main.md")
    .replace(/^effect-cache-toolkit\./, "")
    .replaceAll("Namespace.", "")

const textOf = (text: string): string =>
  text
    .replace(/\]\(([\w.-]+\.md)(#[^)]*)?\)/g, (_, file, anchor = "") => `](${pageOf(file)}${anchor})`)
    .replace(/^#+ Since\n\n(\S+)$/gm, "*Since $1*")
    .replace(/^## ([a-z])/gm, (_, letter) => `## ${letter.toUpperCase()}`)

const options: TypeDocOptions & PluginOptions = {
  plugin: ["typedoc-plugin-markdown"],
  tsconfig: join(root, "tsconfig.build.json"),
  entryPoints: entryPoints.map(({ module }) => join(root, module)),
  out,
  readme: "none",
  // `bun run check` reports errors of types
  skipErrorChecking: true,
  excludeInternal: true,
  // members that a class inherits from a class of Effect
  excludeExternals: true,
  disableGit: true,
  sourceLinkTemplate: `${repository}/blob/main/src/{path}#L{line}`,
  outputFileStrategy: "modules",
  entryFileName: "index",
  flattenOutputFiles: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  typeDeclarationFormat: "table",
  tableColumnSettings: { hideModifiers: true, hideSources: true, hideInherited: true, hideOverrides: true },
  useCodeBlocks: true,
  logLevel: "Warn"
}
const app = await Application.bootstrapWithPlugins(options)

const nameByPath = new Map(
  entryPoints.map(({ module, name }) => [module.replace(/^src\//, "").replace(/\.ts$/, ""), name])
)
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context: Context) => {
  for (const module of context.project.getReflectionsByKind(ReflectionKind.Module)) {
    const name = nameByPath.get(module.name)
    if (name === undefined) throw new Error(`${module.name} is no entry point of package.json`)
    module.name = name
  }
})

rmSync(out, { recursive: true, force: true })
const project = await app.convert()
if (project === undefined) throw new Error("TypeDoc could not read the modules of src")
await app.generateOutputs(project)
for (const file of readdirSync(out)) {
  const text = readFileSync(join(out, file), "utf8")
  rmSync(join(out, file))
  writeFileSync(join(out, pageOf(file)), textOf(text))
}
if (app.logger.hasErrors()) process.exitCode = 1
