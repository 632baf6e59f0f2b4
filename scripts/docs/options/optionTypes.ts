/**
 * Finds the option types of the public modules: what a public function, or a method of a public interface, takes as an object with
 * properties that may be left out, and the groups of such properties.
 */
import ts from "typescript"
import { type PublicModule, resolved, root } from "../publicModules.js"

export interface OptionType {
  readonly module: PublicModule
  /** as a program writes it below the module: `Options`, `DistributedLock.Options`, or `withRetry(options)` for a type without a name */
  readonly name: string
  readonly symbol: ts.Symbol
  readonly type: ts.Type
  /** of a type without a name: the option types that the same object has to have */
  readonly besides: ReadonlyArray<ts.Symbol>
}

/** Objects with properties that may be left out, which a program implements or hands on instead of setting options. */
const notOptions: ReadonlySet<string> = new Set([
  "RedisDriver",
  "RedisExecutor",
  "RedisScript",
  "ScriptBatch",
  "ResultSource"
])
/** Functions whose argument is a definition rather than a set of options. */
const definitions: ReadonlySet<string> = new Set(["RedisScript.make(script)"])

const isOfSource = (symbol: ts.Symbol): boolean =>
  symbol.declarations?.some((node) => node.getSourceFile().fileName.startsWith(`${root}src/`)) === true

export const isOptional = (property: ts.Symbol): boolean => (property.flags & ts.SymbolFlags.Optional) !== 0

/** The name of a type: that of its alias, or of its interface. */
export const symbolOf = (type: ts.Type): ts.Symbol | undefined => type.aliasSymbol ?? type.getSymbol()

/** An object that a caller writes: neither a function nor the instance of a class. */
const isOptions = (checker: ts.TypeChecker, type: ts.Type): boolean => {
  const symbol = symbolOf(type)
  if (symbol === undefined || !isOfSource(symbol) || symbol.flags & ts.SymbolFlags.Class) return false
  if (notOptions.has(symbol.name) || type.isUnion()) return false
  if (type.getCallSignatures().length > 0 || type.getConstructSignatures().length > 0) return false
  const properties = checker.getPropertiesOfType(type)
  return /Options$/.test(symbol.name) ? properties.length > 0 : properties.some(isOptional)
}

/** The option types that a type is made of. */
const partsOf = (checker: ts.TypeChecker, type: ts.Type, above = new Set<ts.Type>()): ReadonlyArray<ts.Type> => {
  // the type of JSON contains itself
  if (above.has(type)) return []
  above.add(type)
  if (isOptions(checker, type) && (type.aliasSymbol !== undefined || !type.isIntersection())) return [type]
  if (type.isUnionOrIntersection()) return type.types.flatMap((part) => partsOf(checker, part, above))
  return []
}

/** The types that are named in the type of a property, such as those of the elements of an array. */
export const namedIn = (checker: ts.TypeChecker, node: ts.Node | undefined): ReadonlyArray<ts.Type> => {
  if (node === undefined || ts.isFunctionTypeNode(node) || ts.isIndexedAccessTypeNode(node)) return []
  const own = ts.isTypeReferenceNode(node) ? [checker.getTypeFromTypeNode(node)] : []
  const below: Array<ts.Type> = []
  ts.forEachChild(node, (child) => {
    below.push(...namedIn(checker, child))
  })
  return [...own, ...below]
}

export const typeNodeOf = (property: ts.Symbol): ts.TypeNode | undefined => {
  const declaration = property.declarations?.[0]
  return declaration !== undefined && ts.isPropertySignature(declaration) ? declaration.type : undefined
}

interface Input {
  /** the function that takes it, and the parameter */
  readonly origin: string
  readonly type: ts.Type
}

const parametersOf = (checker: ts.TypeChecker, name: string, type: ts.Type): ReadonlyArray<Input> =>
  type.getCallSignatures().flatMap((signature) => [
    ...signature.getParameters().map((parameter) => ({
      origin: `${name}(${parameter.name.startsWith("__") ? "options" : parameter.name})`,
      type: checker.getTypeOfSymbol(parameter)
    })),
    ...parametersOf(checker, name, signature.getReturnType())
  ])

/** The exports of a module, and those of the namespaces that have the name of a class. */
const exportsOf = (checker: ts.TypeChecker, module: PublicModule): ReadonlyArray<readonly [string, ts.Symbol]> =>
  module.exports.flatMap((exported) => {
    const symbol = resolved(checker, exported)
    const inner: ReadonlyArray<ts.Symbol> =
      symbol.flags & ts.SymbolFlags.Class && symbol.flags & ts.SymbolFlags.Module
        ? checker.getExportsOfModule(symbol)
        : []
    return [
      [exported.name, symbol] as const,
      ...inner
        .filter(({ flags }) => flags & ts.SymbolFlags.Type)
        .map((member) => [`${exported.name}.${member.name}`, resolved(checker, member)] as const)
    ]
  })

/** What the functions of an export take. An interface is a service or a handle, and its properties are functions. */
const inputsOf = (checker: ts.TypeChecker, name: string, symbol: ts.Symbol): ReadonlyArray<Input> => {
  if (symbol.flags & ts.SymbolFlags.Value && !(symbol.flags & ts.SymbolFlags.Class)) {
    return parametersOf(checker, name, checker.getTypeOfSymbol(symbol))
  }
  if (symbol.flags & ts.SymbolFlags.Interface) {
    return checker
      .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
      .flatMap((property) => parametersOf(checker, property.name, checker.getTypeOfSymbol(property)))
  }
  return []
}

/**
 * The option types of the modules. A type that several modules export belongs to the first of them. Fails for a named type that
 * none of them exports: a program could not name it.
 */
export const optionTypes = (program: ts.Program, modules: ReadonlyArray<PublicModule>): ReadonlyArray<OptionType> => {
  const checker = program.getTypeChecker()
  const wanted = new Map<ts.Symbol, Omit<OptionType, "symbol">>()
  const want = (module: PublicModule, { origin, type }: Input): void => {
    const parts = partsOf(checker, type)
    for (const part of parts) {
      const symbol = symbolOf(part)
      if (symbol === undefined || wanted.has(symbol) || definitions.has(`${module.name}.${origin}`)) continue
      const besides = parts.flatMap((other) => symbolOf(other) ?? []).filter((other) => other !== symbol)
      wanted.set(symbol, { module, name: origin, type: part, besides })
      for (const property of checker.getPropertiesOfType(part)) {
        const inner = [checker.getTypeOfSymbol(property), ...namedIn(checker, typeNodeOf(property))]
        for (const type of inner) want(module, { origin: `${origin}.${property.name}`, type })
      }
    }
  }
  for (const module of modules) {
    for (const [name, symbol] of exportsOf(checker, module)) {
      for (const input of inputsOf(checker, name, symbol)) want(module, input)
    }
  }
  const named = new Map<ts.Symbol, OptionType>()
  for (const module of modules) {
    for (const [name, symbol] of exportsOf(checker, module)) {
      if (!wanted.has(symbol) || named.has(symbol)) continue
      named.set(symbol, { module, name, symbol, type: checker.getDeclaredTypeOfSymbol(symbol), besides: [] })
    }
  }
  const literals = [...wanted].flatMap(([symbol, found]) => {
    if (named.has(symbol)) return []
    if (symbol.name !== "__type") {
      throw new Error(`${symbol.name}, of ${found.module.name}.${found.name}, is exported by no public module`)
    }
    return [{ ...found, symbol }]
  })
  return [...named.values(), ...literals]
}
