/**
 * Walking through schemas that refer to themselves and to each other.
 *
 * @since 0.2.0
 */
import type * as AST from "effect/SchemaAST"

/**
 * The suspended schemas that a walk has looked into.
 *
 * @since 0.2.0
 * @category models
 */
export type Seen = Set<AST.AST>

/** A function that makes a new schema of itself at every step has said all it has to say by then. */
const most = 200

/**
 * Whether a suspended schema is to be looked into: each once, so that a walk takes as long as the schemas are and not as
 * the paths through them, and ends where a schema makes new ones for ever.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isNew = (seen: Seen, ast: AST.AST): boolean => {
  if (seen.has(ast) || seen.size >= most) return false
  seen.add(ast)
  return true
}
