/**
 * Dates of JavaScript as JSON writes them: a row of a database with a `Date` in it is stored and read back, whether its
 * schema is written with `Schema.Date` or with `Schema.DateFromSelf`.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

const isDate = (ast: AST.AST): boolean => {
  const constructor = ast.annotations[AST.TypeConstructorAnnotationId]
  return ast._tag === "Declaration" && Predicate.hasProperty(constructor, "_tag") && constructor._tag === "Date"
}

/** Whether a schema's encoded form may be a date itself. */
const isStoredAsDate = (ast: AST.AST): boolean => {
  switch (ast._tag) {
    case "Refinement":
    case "Transformation":
      return isStoredAsDate(ast.from)
    case "Union":
      return ast.types.some(isStoredAsDate)
    default:
      return isDate(ast)
  }
}

/** Whether a schema's encoded form may be a text, which a date's text could then be taken for. */
const mayBeText = (ast: AST.AST, seen: ReadonlySet<AST.AST>): boolean => {
  switch (ast._tag) {
    case "Literal":
      return typeof ast.literal === "string"
    case "Enums":
      return ast.enums.some(([, value]) => typeof value === "string")
    case "StringKeyword":
    case "TemplateLiteral":
    case "UnknownKeyword":
    case "AnyKeyword":
      return true
    case "Declaration":
      return !isDate(ast)
    case "Refinement":
    case "Transformation":
      return mayBeText(ast.from, seen)
    case "Union":
      return ast.types.some((type) => mayBeText(type, seen))
    case "Suspend":
      return !seen.has(ast) && mayBeText(ast.f(), new Set([...seen, ast]))
    case "TypeLiteral":
      // `Schema.Struct({})` is whatever is not null
      return ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0
    default:
      return false
  }
}

type Memo = Map<AST.AST, AST.AST>

/** The same where nothing changes, so that a schema without dates stays itself. */
const mapped = <A>(items: ReadonlyArray<A>, map: (item: A) => A): ReadonlyArray<A> => {
  const changed = items.map(map)
  return changed.every((item, i) => item === items[i]) ? items : changed
}

const written = (ast: AST.AST, memo: Memo): AST.AST => {
  const known = memo.get(ast)
  if (known !== undefined) return known
  const made = isDate(ast) ? Schema.DateFromString.ast : writtenParts(ast, memo)
  memo.set(ast, made)
  return made
}

/** What dates there are in a schema that refers to itself is known only when it is used: see `make`. */
const writtenParts = (ast: AST.AST, memo: Memo): AST.AST => {
  switch (ast._tag) {
    case "TypeLiteral": {
      const properties = mapped(ast.propertySignatures, (of) => {
        const type = written(of.type, memo)
        return type === of.type
          ? of
          : new AST.PropertySignature(of.name, type, of.isOptional, of.isReadonly, of.annotations)
      })
      const indices = mapped(ast.indexSignatures, (of) => {
        const type = written(of.type, memo)
        return type === of.type ? of : new AST.IndexSignature(of.parameter, type, of.isReadonly)
      })
      return properties === ast.propertySignatures && indices === ast.indexSignatures
        ? ast
        : new AST.TypeLiteral(properties, indices, ast.annotations)
    }
    case "TupleType": {
      const elements = mapped(ast.elements, (of) => {
        const type = written(of.type, memo)
        return type === of.type ? of : new AST.OptionalType(type, of.isOptional, of.annotations)
      })
      const rest = mapped(ast.rest, (of) => {
        const type = written(of.type, memo)
        return type === of.type ? of : new AST.Type(type, of.annotations)
      })
      return elements === ast.elements && rest === ast.rest
        ? ast
        : new AST.TupleType(elements, rest, ast.isReadonly, ast.annotations)
    }
    case "Union": {
      // beside a text a date could not be told apart
      if (ast.types.some(isStoredAsDate) && ast.types.some((type) => mayBeText(type, new Set()))) return ast
      const types = mapped(ast.types, (type) => written(type, memo))
      return types === ast.types ? ast : AST.Union.make(types, ast.annotations)
    }
    case "Refinement": {
      const from = written(ast.from, memo)
      return from === ast.from ? ast : new AST.Refinement(from, ast.filter, ast.annotations)
    }
    case "Transformation": {
      const from = written(ast.from, memo)
      return from === ast.from ? ast : new AST.Transformation(from, ast.to, ast.transformation, ast.annotations)
    }
    case "Suspend":
      return new AST.Suspend(() => written(ast.f(), memo), ast.annotations)
    default:
      return ast
  }
}

const hasDate = (ast: AST.AST, seen: Set<AST.AST>): boolean => {
  if (seen.has(ast)) return false
  seen.add(ast)
  switch (ast._tag) {
    case "Refinement":
    case "Transformation":
      return hasDate(ast.from, seen)
    case "Suspend":
      return hasDate(ast.f(), seen)
    case "Union":
      return ast.types.some((type) => hasDate(type, seen))
    case "TupleType":
      return [...ast.elements, ...ast.rest].some(({ type }) => hasDate(type, seen))
    case "TypeLiteral":
      return [...ast.propertySignatures, ...ast.indexSignatures].some(({ type }) => hasDate(type, seen))
    default:
      return isDate(ast)
  }
}

/**
 * A schema of the same values whose encoded form has a text of ISO 8601 for each `Date`; the schema itself where it has
 * none. A `Date` that stands in a union with a text is left alone: its text could not be told from the other.
 *
 * @since 0.1.0
 * @category combinators
 */
export const make = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A, unknown> =>
  Schema.make<A, unknown, never>(hasDate(schema.ast, new Set()) ? written(schema.ast, new Map()) : schema.ast)
