/**
 * Walks through the encoded side of schemas, which may refer to themselves and to each other.
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

/**
 * A schema that another one consists of.
 *
 * @since 0.2.0
 * @category models
 */
export interface Part {
  /** its field or place, `*` for each other one; undefined for a schema in the place of the whole, such as a union's member */
  readonly name?: string
  readonly type: AST.AST
}

/**
 * The parts of a schema's encoded side. A suspended schema has no parts where the walk has visited it before.
 *
 * @since 0.2.0
 * @category getters
 */
export const parts = (ast: AST.AST, seen: Seen): ReadonlyArray<Part> => {
  switch (ast._tag) {
    case "Refinement":
    case "Transformation":
      return [{ type: ast.from }]
    case "Suspend":
      return isNew(seen, ast.f()) ? [{ type: ast.f() }] : []
    case "Union":
      return ast.types.map((type) => ({ type }))
    case "TupleType":
      return [
        ...ast.elements.map(({ type }, i) => ({ name: `${i}`, type })),
        ...ast.rest.map(({ type }) => ({ name: "*", type }))
      ]
    case "TypeLiteral":
      return [
        ...ast.propertySignatures.map(({ name, type }) => ({ name: String(name), type })),
        ...ast.indexSignatures.map(({ type }) => ({ name: "*", type }))
      ]
    default:
      return []
  }
}
