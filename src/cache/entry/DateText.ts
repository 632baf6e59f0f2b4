/**
 * Rewrites schemas so that a `Date` is stored as its text of ISO 8601. A row of a database with dates can then be cached,
 * also where its schema uses `Schema.DateFromSelf`.
 *
 * @since 0.1.0
 */
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as SchemaWalk from "../../internal/schema/SchemaWalk.js"
import { areConfused, isDate } from "./DateOverlap.js"

/** Decodes only texts that it encodes: a text of an older schema may look like a date. */
const DateText = Schema.transformOrFail(Schema.String, Schema.DateFromSelf, {
  strict: true,
  decode: (text, _, ast) => {
    const date = new Date(text)
    return textOf(date) === text ? ParseResult.succeed(date) : ParseResult.fail(new ParseResult.Type(ast, text))
  },
  encode: (date) => ParseResult.succeed(textOf(date))
})

const textOf = (date: Date): string => (Number.isNaN(date.getTime()) ? "Invalid Date" : date.toISOString())

type WrittenTypes = Map<AST.AST, AST.AST>

/** Maps a list, and answers the same list where no item changes: a schema without dates stays the same object. */
const mapped = <A>(items: ReadonlyArray<A>, map: (item: A) => A): ReadonlyArray<A> => {
  const changed = items.map(map)
  return changed.every((item, i) => item === items[i]) ? items : changed
}

const written = (ast: AST.AST, memo: WrittenTypes): AST.AST => {
  const known = memo.get(ast)
  if (known !== undefined) return known
  const made = isDate(ast) ? DateText.ast : writtenParts(ast, memo)
  memo.set(ast, made)
  return made
}

/** Makes `whole` again of its one part, or answers the same object where the part does not change. */
const remade = <A>(whole: A, part: AST.AST, memo: WrittenTypes, make: (part: AST.AST) => A): A => {
  const made = written(part, memo)
  return made === part ? whole : make(made)
}

/** A suspended schema is rewritten when it is used, and `make` decides whether it holds a date. */
const writtenParts = (ast: AST.AST, memo: WrittenTypes): AST.AST => {
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
      // a date and a text in the same place would both be texts
      if (ast.types.some((one, i) => ast.types.slice(i + 1).some((other) => areConfused(one, other)))) return ast
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

const hasDate = (ast: AST.AST, seen: SchemaWalk.Seen): boolean =>
  isDate(ast) || SchemaWalk.parts(ast, seen).some(({ type }) => hasDate(type, seen))

/**
 * Makes a schema of the same values whose encoded form has a text of ISO 8601 for each `Date`. A schema without dates is
 * returned as it is. So is a union in which a date and a text could stand in the same place.
 *
 * @since 0.1.0
 * @category combinators
 */
export const make = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A, unknown> =>
  Schema.make<A, unknown, never>(hasDate(schema.ast, new Set()) ? written(schema.ast, new Map()) : schema.ast)
