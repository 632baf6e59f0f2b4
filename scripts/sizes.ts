/**
 * `bun run sizes`: bundles one program for each entry of the budget, as Vite does (rollup, minified by esbuild), and fails
 * when a bundle is larger than its budget. `effect`, packages and Node's own modules are external and not counted.
 *
 * With the name of an entry, such as `bun run sizes TypedCache.make`, it also lists the modules of that bundle.
 */
import { join, resolve } from "node:path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { transform } from "esbuild"
import { type OutputChunk, type Plugin, rollup } from "rollup"
import ts from "typescript"
import { pureCalls } from "./pureCalls.js"
import { sizeBudget } from "./sizeBudget.js"

const root = resolve(import.meta.dirname, "..")
const entry = "program"

const compiled = new Map<string, string>()

/** A module as `bun run build` compiles it. */
const compile = async (path: string): Promise<string> => {
  const known = compiled.get(path)
  if (known !== undefined) return known
  const { outputText } = ts.transpileModule(await Bun.file(path).text(), {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
    transformers: { after: [pureCalls] }
  })
  compiled.set(path, outputText)
  return outputText
}

/** Loads TypeScript, and finds the modules that a relative `.js` import means. */
const typescript = (program: string): Plugin => ({
  name: "typescript",
  resolveId: (id, importer) => {
    if (id === entry) return id
    if (importer === entry) return join(root, id)
    return id.startsWith(".") ? resolve(importer ?? root, "..", id).replace(/\.js$/, ".ts") : { id, external: true }
  },
  load: async (id) => {
    if (id === entry) return program
    return { code: await compile(id), moduleSideEffects: false }
  }
})

/** The bundle of a program that uses one export of the main entry point, such as `TypedCache.make`. */
const bundle = async (use: string): Promise<OutputChunk> => {
  const program = `import { ${use.split(".")[0]} } from "src/index.ts"\nexport const used = ${use}`
  const built = await rollup({ input: entry, plugins: [typescript(program)] })
  const { output } = await built.generate({ format: "esm", inlineDynamicImports: true })
  return output[0]
}

/** The bytes of a minified chunk without its imports of external packages. */
const minifiedBytes = async ({ code }: OutputChunk): Promise<number> => {
  const minified = await transform(code, { minify: true, target: "es2023" })
  return Buffer.byteLength(minified.code.replace(/import[^;]*?from"[^"]*";/g, ""))
}

const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(1).padStart(6)

const modulesOf = (chunk: OutputChunk): string =>
  Object.entries(chunk.modules)
    .filter(([, { renderedLength }]) => renderedLength > 0)
    .sort(([, a], [, b]) => b.renderedLength - a.renderedLength)
    .map(([id, { renderedLength }]) => `${kilobytes(renderedLength)} ${id.replace(`${root}/`, "")}`)
    .join("\n")

const measure = Effect.fnUntraced(function* (use: string, budget: number, listed: boolean) {
  const chunk = yield* Effect.promise(() => bundle(use))
  const bytes = yield* Effect.promise(() => minifiedBytes(chunk))
  const fits = bytes <= budget * 1000
  yield* Console.log(`${kilobytes(bytes)} of ${budget} KB  ${use}${fits ? "" : "  TOO LARGE"}`)
  if (listed) yield* Console.log(`before minification:\n${modulesOf(chunk)}`)
  return fits
})

const program = Effect.gen(function* () {
  const [, , chosen] = process.argv
  const fits = yield* Effect.forEach(
    Object.entries(sizeBudget).filter(([use]) => chosen === undefined || use === chosen),
    ([use, budget]) => measure(use, budget, chosen !== undefined)
  )
  if (fits.includes(false)) {
    return yield* Effect.dieMessage("a bundle is larger than its budget in scripts/sizeBudget.ts: see what it imports")
  }
})

Effect.runPromise(program).catch((error: unknown) => {
  process.exitCode = 1
  process.stderr.write(`${String(error)}\n`)
})
