/**
 * Marks the calls that a module makes when it is loaded as pure, as Effect's own packages do. A bundler then leaves a schema,
 * an error or a script out when nothing refers to it. Without the mark it must keep the call, which might have an effect.
 */
import ts from "typescript"

/** Code in a function runs later, and code in a class body runs only when the class is used. */
const runsLater = (node: ts.Node): boolean => ts.isFunctionLike(node) || ts.isClassElement(node)

/** Marks each call below a node that runs when the module is loaded. */
const mark =
  (context: ts.TransformationContext) =>
  (node: ts.Node): ts.Node => {
    if (runsLater(node)) return node
    const marked = ts.visitEachChild(node, mark(context), context)
    return ts.isCallExpression(marked) || ts.isNewExpression(marked)
      ? ts.addSyntheticLeadingComment(marked, ts.SyntaxKind.MultiLineCommentTrivia, " @__PURE__ ", false)
      : marked
  }

/**
 * The transformer of TypeScript's emit. Only values with a name are marked. A call that stands alone is there for its effect.
 */
export const pureCalls: ts.TransformerFactory<ts.SourceFile> = (context) => (file) =>
  ts.visitEachChild(
    file,
    (statement) =>
      ts.isVariableStatement(statement) || ts.isClassDeclaration(statement) ? mark(context)(statement) : statement,
    context
  )
