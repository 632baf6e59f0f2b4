/** The modules that a program can import, as TypeScript's compiler sees them. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { entryPoints } from "./packageManifest.js"

export const root: string = fileURLToPath(new URL("../../", import.meta.url))

/** The options of tsconfig.json, which also names the package's own entry points by `paths`. */
export const compilerOptions = (): ts.CompilerOptions => {
  const { config, error } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile)
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, "\n"))
  const { tsBuildInfoFile: _, ...options } = ts.parseJsonConfigFileContent(config, ts.sys, root).options
  return { ...options, incremental: false, noUnusedLocals: false, noUnusedParameters: false }
}

export const entryFiles: ReadonlyArray<string> = entryPoints.map(({ module }) => join(root, module))

export interface PublicModule {
  /** the entry point: `effect-cache-toolkit/http` */
  readonly entryPoint: string
  /** the namespace, or the last part of an entry point that is one module: `RateLimitMiddleware` */
  readonly name: string
  readonly exports: ReadonlyArray<ts.Symbol>
}

/** The declared symbol behind an export that names it. */
export const resolved = (checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

/** The namespaces of every entry point, in the order of package.json and of the entry point's module. */
export const publicModules = (program: ts.Program): ReadonlyArray<PublicModule> => {
  const checker = program.getTypeChecker()
  return entryPoints.flatMap(({ module, name: entryPoint }) => {
    const file = program.getSourceFile(join(root, module))
    const symbol = file && checker.getSymbolAtLocation(file)
    if (symbol === undefined) throw new Error(`${module} exports nothing`)
    const exported = checker.getExportsOfModule(symbol)
    const namespaces = exported.flatMap((member) => {
      const target = resolved(checker, member)
      return target.flags & ts.SymbolFlags.ValueModule && target.declarations?.some(ts.isSourceFile)
        ? [{ entryPoint, name: member.name, exports: checker.getExportsOfModule(target) }]
        : []
    })
    const name = entryPoint.split("/").at(-1) ?? entryPoint
    return namespaces.length > 0 ? namespaces : [{ entryPoint, name, exports: exported }]
  })
}
