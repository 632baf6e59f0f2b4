/** The type of an option, as short as a cell of a table. */
import ts from "typescript"

const longest = 60

const withoutUndefined = (node: ts.TypeNode): ReadonlyArray<ts.TypeNode> =>
  ts.isUnionTypeNode(node)
    ? node.types.flatMap(withoutUndefined)
    : node.kind === ts.SyntaxKind.UndefinedKeyword
      ? []
      : ts.isParenthesizedTypeNode(node)
        ? withoutUndefined(node.type)
        : [node]

const nameOf = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .replace(/\breadonly (?=\w+\??:)/g, "")
    .replace(/ \| undefined\b/g, "")
    .replace(/\b(?:Duration|Effect|Option|Redacted|Schema|Arr|HttpServerRequest|HttpClient|Schedule|Layer)\./g, "")
    .replace(/NoInfer<(\w+)>/g, "$1")

/** A function without the types of its parameters: `(key, previous) => Effect`. */
const functionText = (node: ts.FunctionTypeNode): string => {
  const full = nameOf(node.getText())
  if (full.length <= longest) return full
  const parameters = node.parameters.map((parameter) => parameter.name.getText()).join(", ")
  const result = nameOf(node.type.getText())
  return `(${parameters}) => ${result.length <= longest / 2 ? result : result.replace(/<.*$/s, "")}`
}

const partText = (checker: ts.TypeChecker, node: ts.TypeNode): string => {
  if (ts.isFunctionTypeNode(node)) return functionText(node)
  if (ts.isTypeReferenceNode(node)) {
    const declaration = checker.getSymbolAtLocation(node.typeName)?.declarations?.[0]
    // a parameter stands for what it may be
    if (
      declaration !== undefined &&
      ts.isTypeParameterDeclaration(declaration) &&
      declaration.constraint !== undefined
    ) {
      return shortType(checker, declaration.constraint)
    }
    const full = nameOf(node.getText())
    return full.length <= longest ? full : full.replace(/<.*$/s, "")
  }
  if (ts.isTypeLiteralNode(node)) return nameOf(node.getText()).length <= longest ? nameOf(node.getText()) : "object"
  return nameOf(node.getText())
}

/** The text of a type without `undefined`, and without what makes it long. */
export const shortType = (checker: ts.TypeChecker, node: ts.TypeNode): string => {
  const parts = withoutUndefined(node)
  const text = (part: ts.TypeNode) =>
    ts.isFunctionTypeNode(part) && parts.length > 1 ? `(${partText(checker, part)})` : partText(checker, part)
  return parts.map(text).join(" | ")
}
