/**
 * Bounds walks through schemas that refer to themselves and to each other.
 *
 * @since 0.2.0
 */
import type * as AST from "effect/SchemaAST"

/**
 * The suspended schemas that a walk has visited.
 *
 * @since 0.2.0
 * @category models
 */
export type Seen = Set<AST.AST>

/** A schema that makes a new one at every step adds nothing beyond this many. */
const most = 200

/**
 * Whether a walk has not visited a suspended schema yet. Each is visited once, so that the number of schemas bounds the walk,
 * not the number of paths. A walk also ends where a schema makes new ones for ever.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isNew = (seen: Seen, ast: AST.AST): boolean => {
  if (seen.has(ast) || seen.size >= most) return false
  seen.add(ast)
  return true
}
