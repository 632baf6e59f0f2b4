/** Compiles blocks of code beside the package's own modules, all in one program. */
import { join } from "node:path"
import ts from "typescript"
import { root } from "../publicModules.js"
import type { CodeBlock } from "./codeBlocks.js"

const folder = join(root, "node_modules", ".blocks")

/** Packages that only the benchmarks install, which pages on other caches show. */
const peersFrom = join(root, "bench", "main.ts")

export interface BlockProgram {
  readonly program: ts.Program
  /** what the compiler finds in the blocks, one line each: `docs/keys.md:12: Cannot find name 'x'.` */
  readonly problems: () => ReadonlyArray<string>
}

/** A program of the blocks and of these files. */
export const blockProgram = (
  blocks: ReadonlyArray<CodeBlock>,
  files: ReadonlyArray<string>,
  options: ts.CompilerOptions
): BlockProgram => {
  const sources = new Map(blocks.map((block, index) => [join(folder, `${index}.ts`), block]))
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (path) => sources.has(path) || fileExists.call(host, path)
  host.readFile = (path) => sources.get(path)?.text ?? readFile.call(host, path)
  host.getSourceFile = (path, ...rest) => {
    const block = sources.get(path)
    return block === undefined
      ? getSourceFile.call(host, path, ...rest)
      : ts.createSourceFile(path, block.text, ...(rest.slice(0, 1) as [ts.CreateSourceFileOptions]))
  }
  const cache = ts.createModuleResolutionCache(root, (name) => name, options)
  host.resolveModuleNameLiterals = (literals, from, redirected, settings, file) =>
    literals.map((literal) => {
      const mode = ts.getModeForUsageLocation(file, literal, settings)
      const resolve = (origin: string) =>
        ts.resolveModuleName(literal.text, origin, settings, host, cache, redirected, mode)
      const found = resolve(from)
      return found.resolvedModule === undefined && sources.has(from) ? resolve(peersFrom) : found
    })
  const program = ts.createProgram([...sources.keys(), ...files], options, host)
  const problems = () =>
    [...sources].flatMap(([path, block]) => {
      const source = program.getSourceFile(path)
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      return found.flatMap(({ messageText, start = 0 }) => {
        const line = (source?.getLineAndCharacterOfPosition(start).line ?? 0) - block.before
        // what stands before the block is a block of its own, with problems of its own
        if (line < 0) return []
        return [`${block.file}:${block.line + line}: ${ts.flattenDiagnosticMessageText(messageText, "\n  ")}`]
      })
    })
  return { program, problems }
}
