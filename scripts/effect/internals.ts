/** Finds what a program uses of Effect's packages that is no part of their API. */
import ts from "typescript"

export interface Use {
  readonly file: string
  /** from 1 */
  readonly line: number
  readonly what: string
}

/** Declared for libraries that make effects of their own. They show how the runtime represents an effect. */
const isPartOfRuntime = (name: string): boolean => /^YieldWrap/.test(name)

const isModuleSpecifier = ({ parent }: ts.Node): boolean =>
  ts.isImportDeclaration(parent) ||
  ts.isExportDeclaration(parent) ||
  ts.isExternalModuleReference(parent) ||
  ts.isLiteralTypeNode(parent) ||
  (ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword)

const isEffects = (declaration: ts.Node | undefined): declaration is ts.Node =>
  declaration !== undefined && /\/node_modules\/(effect|@effect\/[^/]+)\//.test(declaration.getSourceFile().fileName)

/** Whether a declaration, or what it stands in, is marked as internal. */
const isMarkedInternal = (declaration: ts.Node): boolean => {
  for (let node = declaration; !ts.isSourceFile(node); node = node.parent) {
    if (ts.getJSDocTags(node).some(({ tagName }) => tagName.text === "internal")) return true
  }
  return false
}

/** Whether a type is one of Effect's own: the class, the interface or the alias that it is declared as. */
const isTypeOfEffect = (type: ts.Type): boolean =>
  isEffects(type.aliasSymbol?.declarations?.[0]) ||
  isEffects(type.symbol?.declarations?.[0]) ||
  (type.isIntersection() && type.types.some(isTypeOfEffect))

/**
 * Lists the uses in one file:
 *
 * - an import of an internal module, or of one by which a library makes effects of its own
 * - a member that is marked as internal
 * - the text of a symbol, a tag or a global of Effect, which starts with the name of a package and a slash
 * - an assertion that a value of Effect has a type that Effect does not declare, and that something else is an effect
 */
export const internalsIn = (program: ts.Program, file: ts.SourceFile): ReadonlyArray<Use> => {
  const checker = program.getTypeChecker()
  const uses: Array<Use> = []
  const note = (node: ts.Node, what: string): void => {
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file))
    uses.push({ file: file.fileName, line: line + 1, what })
  }

  const ofText = (node: ts.StringLiteralLike): void => {
    if (isModuleSpecifier(node)) {
      const isInternal = /^@?effect\/(.*\/)?internal\//.test(node.text) || node.text === "effect/Effectable"
      if (isInternal) note(node, `an import of ${node.text}`)
    } else if (/^(effect|@effect\/[\w-]+)\/(\w|$)/.test(node.text)) {
      note(node, `the text "${node.text}"`)
    }
  }

  const ofAssertion = (node: ts.AsExpression): void => {
    if (ts.isConstTypeReference(node.type)) return
    const target = checker.getTypeFromTypeNode(node.type)
    if (target.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return
    const source = ts.isAsExpression(node.expression) ? node.expression.expression : node.expression
    const from = isTypeOfEffect(checker.getTypeAtLocation(source))
    const makes = target.getConstructSignatures()[0]?.getReturnType()
    const isOfEffect = isTypeOfEffect(makes ?? target)
    if (from && !isOfEffect) note(node, `a value of Effect as ${node.type.getText(file)}`)
    // through `unknown`, since TypeScript knows that it is none
    if (!from && isOfEffect && ts.isAsExpression(node.expression)) {
      note(node, `a value of its own as ${node.type.getText(file)}`)
    }
  }

  const ofName = (node: ts.Identifier): void => {
    const symbol = checker.getSymbolAtLocation(node)
    const isAlias = symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0
    const declaration = (isAlias ? checker.getAliasedSymbol(symbol) : symbol)?.declarations?.[0]
    if (!isEffects(declaration)) return
    if (isMarkedInternal(declaration) || isPartOfRuntime(node.text)) note(node, `the internal member ${node.text}`)
  }

  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) ofText(node)
    else if (ts.isAsExpression(node)) ofAssertion(node)
    else if (ts.isIdentifier(node) && !ts.isImportDeclaration(node.parent)) ofName(node)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return uses
}
