/** The names of Effect that a source file uses, and their places. */
import ts from "typescript"

/** One use of an export. */
export interface Use {
  /** as it is imported, such as `effect/Effect` */
  readonly module: string
  readonly name: string
  /** the whole expression, such as `Effect.map`; of a named import its specifier */
  readonly node: ts.PropertyAccessExpression | ts.QualifiedName | ts.ImportSpecifier
}

export interface Uses {
  /** the modules that are imported, by the literal of the import */
  readonly imports: ReadonlyArray<ts.StringLiteral>
  readonly members: ReadonlyArray<Use>
}

const isEffects = (module: string): boolean => /^(effect|@effect\/[\w-]+)(\/|$)/.test(module)

/** The modules that export namespaces. Examples import from them; `src` does not. */
const isBarrel = (module: string): boolean => /^(effect|@effect\/[\w-]+)$/.test(module)

/** The namespaces of a barrel that an import names, as modules. */
export const namespacesOf = (literal: ts.StringLiteral): ReadonlyArray<string> => {
  const bindings = ts.isImportDeclaration(literal.parent) ? literal.parent.importClause?.namedBindings : undefined
  return isBarrel(literal.text) && bindings !== undefined && ts.isNamedImports(bindings)
    ? bindings.elements.map(({ name, propertyName }) => `${literal.text}/${(propertyName ?? name).text}`)
    : []
}

/** Finds the uses by the imports of a file. Every module of this repository imports Effect's as namespaces, or names of them. */
export const usesOf = (file: ts.SourceFile): Uses => {
  const imports: Array<ts.StringLiteral> = []
  const members: Array<Use> = []
  const namespaces = new Map<string, string>()

  const imported = (clause: ts.ImportClause, module: string): void => {
    const bindings = clause.namedBindings
    if (bindings === undefined) return
    if (ts.isNamespaceImport(bindings)) namespaces.set(bindings.name.text, module)
    else if (isBarrel(module)) {
      for (const { name, propertyName } of bindings.elements) {
        namespaces.set(name.text, `${module}/${(propertyName ?? name).text}`)
      }
    } else {
      for (const node of bindings.elements) members.push({ module, name: (node.propertyName ?? node.name).text, node })
    }
  }

  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) && isEffects(node.text)) {
      const { parent } = node
      const isDynamic = ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword
      if (ts.isImportDeclaration(parent) || isDynamic) imports.push(node)
      if (ts.isImportDeclaration(parent) && parent.importClause !== undefined) imported(parent.importClause, node.text)
    }
    const left = ts.isPropertyAccessExpression(node)
      ? node.expression
      : ts.isQualifiedName(node)
        ? node.left
        : undefined
    const module = left !== undefined && ts.isIdentifier(left) ? namespaces.get(left.text) : undefined
    if (module !== undefined && ts.isPropertyAccessExpression(node))
      members.push({ module, name: node.name.text, node })
    if (module !== undefined && ts.isQualifiedName(node)) members.push({ module, name: node.right.text, node })
    ts.forEachChild(node, visit)
  }
  visit(file)
  return { imports, members }
}
