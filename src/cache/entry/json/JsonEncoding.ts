/**
 * Rewrites schemas so that JSON can hold what they encode to. A row of a database with dates, bigints and bytes can then be
 * cached as its schema is.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as SchemaWalk from "../../../internal/schema/SchemaWalk.js"
import * as EncodedForms from "./EncodedForms.js"
import { areConfused } from "./UnionOverlap.js"

/** The forms to rewrite, and the schemas that are rewritten. */
class Rewriting extends Map<AST.AST, AST.AST> {
  constructor(readonly forms: EncodedForms.EncodedForms) {
    super()
  }
}

/** Maps a list, and answers the same list where no item changes: a schema without forms stays the same object. */
const mapped = <A>(items: ReadonlyArray<A>, map: (item: A) => A): ReadonlyArray<A> => {
  const changed = items.map(map)
  return changed.every((item, i) => item === items[i]) ? items : changed
}

const written = (ast: AST.AST, memo: Rewriting): AST.AST => {
  const known = memo.get(ast)
  if (known !== undefined) return known
  const made =
    memo.forms.nameOf(ast) === undefined
      ? writtenParts(ast, memo)
      : memo.forms.encode(
          ast,
          EncodedForms.partsOf(ast).map((part) => written(part, memo))
        )
  memo.set(ast, made)
  return made
}

/** Makes `whole` again of its one part, or answers the same object where the part does not change. */
const remade = <A>(whole: A, part: AST.AST, memo: Rewriting, make: (part: AST.AST) => A): A => {
  const made = written(part, memo)
  return made === part ? whole : make(made)
}

/** A suspended schema is rewritten when it is used, and `make` decides whether it holds a form. */
const writtenParts = (ast: AST.AST, memo: Rewriting): AST.AST => {
  if (memo.forms.isKept(ast)) return ast
  switch (ast._tag) {
    case "TypeLiteral": {
      const properties = mapped(ast.propertySignatures, (of) =>
        remade(
          of,
          of.type,
          memo,
          (type) => new AST.PropertySignature(of.name, type, of.isOptional, of.isReadonly, of.annotations)
        )
      )
      const indices = mapped(ast.indexSignatures, (of) =>
        remade(of, of.type, memo, (type) => new AST.IndexSignature(of.parameter, type, of.isReadonly))
      )
      return properties === ast.propertySignatures && indices === ast.indexSignatures
        ? ast
        : new AST.TypeLiteral(properties, indices, ast.annotations)
    }
    case "TupleType": {
      const elements = mapped(ast.elements, (of) =>
        remade(of, of.type, memo, (type) => new AST.OptionalType(type, of.isOptional, of.annotations))
      )
      const rest = mapped(ast.rest, (of) => remade(of, of.type, memo, (type) => new AST.Type(type, of.annotations)))
      return elements === ast.elements && rest === ast.rest
        ? ast
        : new AST.TupleType(elements, rest, ast.isReadonly, ast.annotations)
    }
    case "Union": {
      // a bigint and a text in the same place would both be texts
      if (ast.types.some((one, i) => ast.types.slice(i + 1).some((other) => areConfused(one, other, memo.forms)))) {
        return ast
      }
      const types = mapped(ast.types, (type) => written(type, memo))
      return types === ast.types ? ast : AST.Union.make(types, ast.annotations)
    }
    case "Refinement":
      return remade(ast, ast.from, memo, (from) => new AST.Refinement(from, ast.filter, ast.annotations))
    case "Transformation":
      return remade(
        ast,
        ast.from,
        memo,
        (from) => new AST.Transformation(from, ast.to, ast.transformation, ast.annotations)
      )
    case "Suspend":
      return new AST.Suspend(() => written(ast.f(), memo), ast.annotations)
    default:
      return ast
  }
}

const hasForm = (ast: AST.AST, forms: EncodedForms.EncodedForms, seen: SchemaWalk.Seen): boolean =>
  forms.nameOf(ast) !== undefined || SchemaWalk.parts(ast, seen).some(({ type }) => hasForm(type, forms, seen))

const rewrite = (schema: { readonly ast: AST.AST }, forms: EncodedForms.EncodedForms): AST.AST =>
  hasForm(schema.ast, forms, new Set()) ? written(schema.ast, new Rewriting(forms)) : schema.ast

/**
 * Makes a schema of the same values whose encoded form JSON can hold. A `Date` is a text of ISO 8601, a `bigint` its digits, and
 * a `Map` the list of its entries. A schema without such forms is returned as it is. So is a union in which a form could be taken
 * for what another member stores.
 *
 * @since 0.2.0
 * @category combinators
 */
export const ofValue = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A, unknown> =>
  Schema.make<A, unknown, never>(rewrite(schema, EncodedForms.ofValues))

/**
 * Like `ofValue`, for keys: a form of which equal keys could have different texts is left as it is.
 *
 * @since 0.2.0
 * @category combinators
 */
export const ofKey = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A, unknown> =>
  Schema.make<A, unknown, never>(rewrite(schema, EncodedForms.ofKeys))

/**
 * Makes a schema that also encodes NaN and the infinities, as texts, where a number of the schema may be one. All other values
 * have the same encoded form, which both schemas decode to the same value.
 *
 * @since 0.2.0
 * @category combinators
 */
export const withNumbers = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A, unknown> =>
  Schema.make<A, unknown, never>(rewrite(schema, EncodedForms.ofNumbers))
