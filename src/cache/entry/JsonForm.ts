/**
 * Finds schemas and values that JSON (ECMA-404) cannot hold. `JSON.stringify` would change them without an error: it writes
 * NaN as null, a Map as {}, and a Date as a text.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as SchemaClasses from "../../internal/effect/SchemaClasses.js"
import * as SchemaWalk from "../../internal/schema/SchemaWalk.js"

/** The name of the schema to use instead, by the name of the form that JSON cannot hold. */
const remedies: Readonly<Record<string, string>> = {
  Date: "Date",
  URL: "URL",
  ReadonlyMap: "Map",
  ReadonlySet: "Set",
  bigint: "BigInt",
  symbol: "Symbol"
}

const remedyOf = (form: string): string => {
  if (form === "undefined") return "Schema.NullOr or Schema.OptionFromNullOr"
  if (form === "Uint8Array") return "Schema.Uint8ArrayFromBase64 in place of Schema.Uint8ArrayFromSelf"
  const name = SchemaClasses.moduleOf(form) ?? remedies[form]
  const remedy = `Schema.${name ?? "Date"} in place of Schema.${name ?? "Date"}FromSelf`
  return name === undefined ? `a schema that encodes it, such as ${remedy}` : remedy
}

/** The JavaScript class of a declared schema's values; undefined where the schema does not name one. */
const classOf = (ast: AST.Declaration): string | undefined => {
  const name = SchemaClasses.nameOf(ast)
  if (name !== undefined) return name
  const isInstance = Option.contains(AST.getSchemaIdAnnotation(ast), Schema.InstanceOfSchemaId)
  // a class of Schema on its decoded side
  return isInstance || AST.SurrogateAnnotationId in ast.annotations ? String(ast) : undefined
}

/** A part of a schema that JSON cannot hold, and its path. */
interface Problem {
  readonly path: ReadonlyArray<string>
  readonly form: string
  /** whether it is in a member of a union: another member may be why it is not encoded */
  readonly isInUnion?: boolean
}

/** The schemas seen as fields and those seen elsewhere: only a field may be undefined. */
interface Seen {
  readonly fields: SchemaWalk.Seen
  readonly others: SchemaWalk.Seen
}

/** The problem of a schema that none of its parts has. A field may be undefined, like an absent one. */
const ownProblem = (ast: AST.AST, isField: boolean): Problem | undefined => {
  switch (ast._tag) {
    case "Literal":
      return typeof ast.literal === "bigint" ? { path: [], form: "bigint" } : undefined
    case "BigIntKeyword":
      return { path: [], form: "bigint" }
    case "SymbolKeyword":
    case "UniqueSymbol":
      return { path: [], form: "symbol" }
    case "UndefinedKeyword":
    case "VoidKeyword":
      return isField ? undefined : { path: [], form: "undefined" }
    case "Declaration": {
      const form = classOf(ast)
      return form === undefined ? undefined : { path: [], form }
    }
    case "TypeLiteral": {
      const field = ast.propertySignatures.find(({ name }) => typeof name === "symbol")
      if (field !== undefined) return { path: [String(field.name)], form: "symbol" }
      const isSymbol = ({ parameter }: AST.IndexSignature) => AST.isSymbolKeyword(AST.encodedAST(parameter))
      return ast.indexSignatures.some(isSymbol) ? { path: ["*"], form: "symbol" } : undefined
    }
    default:
      return undefined
  }
}

/** The first problem of a schema's encoded side. */
const problemIn = (ast: AST.AST, isField: boolean, seen: Seen): Problem | undefined => {
  const own = ownProblem(ast, isField)
  if (own !== undefined) return own
  for (const { name, type } of SchemaWalk.parts(ast, isField ? seen.fields : seen.others)) {
    const problem = problemIn(type, name === undefined ? isField : ast._tag === "TypeLiteral", seen)
    if (problem === undefined) continue
    const isInUnion = problem.isInUnion === true || ast._tag === "Union"
    return { ...problem, isInUnion, path: name === undefined ? problem.path : [name, ...problem.path] }
  }
  return undefined
}

/**
 * The reason why JSON cannot hold a schema's encoded form, with the field and the schema to use instead. Undefined when JSON
 * can hold it, or when that depends on the value.
 *
 * @since 0.1.0
 * @category getters
 */
export const problemOf = (schema: { readonly ast: AST.AST }): string | undefined => {
  const problem = problemIn(schema.ast, false, { fields: new Set(), others: new Set() })
  if (problem === undefined) return undefined
  const { form, isInUnion, path } = problem
  const beside =
    isInUnion === true ? ", and give each member of its union a field with a literal of its own, as _tag" : ""
  return `JSON cannot hold ${form}${path.length === 0 ? "" : ` (at ${path.join(".")})`}: use ${remedyOf(form)}${beside}`
}

/**
 * Dies when JSON cannot hold the encoded form of a cache's schema. Such values would be stored and never read back.
 *
 * @since 0.1.0
 * @category combinators
 */
export const required = (
  name: string,
  schemas: Readonly<Record<"key" | "value" | "error", { readonly ast: AST.AST } | undefined>>
): Effect.Effect<void> =>
  Effect.forEach(
    Object.entries(schemas),
    ([of, schema]) => {
      const problem = schema && problemOf(schema)
      return problem === undefined
        ? Effect.void
        : Effect.dieMessage(`the ${of} schema of the cache ${name} cannot be stored: ${problem}`)
    },
    { discard: true }
  )

const notFinite = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

const accepts = (ast: AST.Refinement, value: number): boolean => {
  try {
    return Option.isNone(ast.filter(value, AST.defaultParseOption, ast))
  } catch {
    return true
  }
}

/** Whether a schema without a problem has encoded values that JSON cannot hold. */
const isDoubtful = (ast: AST.AST, filters: ReadonlyArray<AST.Refinement>, seen: SchemaWalk.Seen): boolean => {
  // excess properties are kept, and may be anything
  if (Option.isSome(AST.getParseOptionsAnnotation(ast))) return true
  switch (ast._tag) {
    case "NumberKeyword":
      return notFinite.some((value) => filters.every((filter) => accepts(filter, value)))
    case "Literal":
      return typeof ast.literal === "number" && !Number.isFinite(ast.literal)
    case "Enums":
      return ast.enums.some(([, value]) => typeof value === "number" && !Number.isFinite(value))
    case "UnknownKeyword":
    case "AnyKeyword":
    case "ObjectKeyword":
    case "Declaration":
      return true
    case "TypeLiteral":
      // `Schema.Struct({})` accepts everything but null and undefined
      if (ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0) return true
  }
  // The filter of a transformation sees the transformed value and not the stored one. The filter of a suspended schema sees
  // only the places that refer to it by this way.
  const still = ast._tag === "Refinement" ? [...filters, ast] : ast._tag === "Union" ? filters : []
  return SchemaWalk.parts(ast, seen).some(({ type }) => isDoubtful(type, still, seen))
}

/**
 * Whether encoded values of a schema must be checked before they are stored. They must where some may hold NaN, or a part
 * of unknown type.
 *
 * @since 0.1.0
 * @category predicates
 */
export const needsCheck = (schema: { readonly ast: AST.AST }): boolean => isDoubtful(schema.ast, [], new Set())

/**
 * Whether an object is a record of fields, and no instance of a class.
 *
 * @since 0.2.0
 * @category guards
 */
export const isPlainObject = (value: object): value is Readonly<Record<string, unknown>> => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Whether parsing the JSON of a value gives an equal value. A field that is undefined counts as absent, and -0 as 0. Throws
 * for a value that contains itself or is nested too deeply.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isJson = (value: unknown): boolean => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true
    case "number":
      return Number.isFinite(value)
    case "object": {
      if (value === null) return true
      if (Array.isArray(value)) {
        if (Object.getPrototypeOf(value) !== Array.prototype) return false
        // not by `every`, which skips holes
        for (let i = 0; i < value.length; i++) if (!isJson(value[i])) return false
        return true
      }
      if (!isPlainObject(value)) return false
      for (const name in value) {
        const field = value[name]
        if (field !== undefined && !isJson(field)) return false
      }
      return true
    }
    default:
      return false
  }
}

/**
 * The path to the first part of a value that JSON cannot hold; empty for the value itself.
 *
 * @since 0.1.0
 * @category getters
 */
export const pathToProblem = (value: unknown): ReadonlyArray<string> => {
  if (typeof value !== "object" || value === null || (!Array.isArray(value) && !isPlainObject(value))) return []
  const isList = Array.isArray(value)
  for (const [name, part] of isList ? Array.from(value, (item, i) => [`${i}`, item] as const) : Object.entries(value)) {
    if ((part !== undefined || isList) && !isJson(part)) return [name, ...pathToProblem(part)]
  }
  return []
}
