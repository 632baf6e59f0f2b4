/**
 * Decides whether two schemas of a union are still distinct when their dates are texts.
 *
 * @since 0.2.0
 */
import * as Predicate from "effect/Predicate"
import * as AST from "effect/SchemaAST"

/**
 * Whether a schema is the one of `Date`.
 *
 * @since 0.2.0
 * @category guards
 */
export const isDate = (ast: AST.AST): boolean => {
  const constructor = ast.annotations[AST.TypeConstructorAnnotationId]
  return ast._tag === "Declaration" && Predicate.hasProperty(constructor, "_tag") && constructor._tag === "Date"
}

/** The encoded side of a schema; its parts are not changed. */
const encodedOf = (ast: AST.AST): AST.AST => {
  switch (ast._tag) {
    case "Refinement":
    case "Transformation":
      return encodedOf(ast.from)
    case "Suspend":
      return encodedOf(ast.f())
    default:
      return ast
  }
}

const isUnknown = (ast: AST.AST): boolean => {
  switch (ast._tag) {
    case "UnknownKeyword":
    case "AnyKeyword":
    case "ObjectKeyword":
      return true
    case "Declaration":
      return !isDate(ast)
    case "TypeLiteral":
      // `Schema.Struct({})` accepts everything but null and undefined
      return ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0
    default:
      return false
  }
}

/** The type of a plain value; undefined for dates, lists and objects. */
const kindOf = (ast: AST.AST): string | undefined => {
  switch (ast._tag) {
    case "StringKeyword":
    case "TemplateLiteral":
      return "string"
    case "NumberKeyword":
      return "number"
    case "BooleanKeyword":
      return "boolean"
    case "Literal":
      return ast.literal === null ? "null" : typeof ast.literal
    case "UndefinedKeyword":
    case "VoidKeyword":
      return "undefined"
    default:
      return undefined
  }
}

/**
 * How dates are compared.
 *
 * - `texts`: as texts, and in doubt two schemas overlap
 * - `dates`: as dates, and optional or repeated parts count as present
 */
type Reading = "texts" | "dates"

/** Whether `to` decodes what `from` encodes. */
type Fits = (from: AST.AST, to: AST.AST) => boolean

const objectFits = (from: AST.TypeLiteral, to: AST.TypeLiteral, reading: Reading, fits: Fits): boolean => {
  const isLenient = reading === "texts"
  const [others, signature] = [from.indexSignatures[0]?.type, to.indexSignatures[0]?.type]
  const fieldFits = (field: AST.PropertySignature): boolean => {
    const written = from.propertySignatures.find(({ name }) => name === field.name)
    // the field may be missing on both sides
    if (isLenient && field.isOptional && written?.isOptional !== false) return true
    const type = written?.type ?? others
    return type === undefined ? field.isOptional || fits(AST.undefinedKeyword, field.type) : fits(type, field.type)
  }
  if (!to.propertySignatures.every(fieldFits)) return false
  if (signature === undefined) return true
  const rest = from.propertySignatures.filter((field) => !to.propertySignatures.some(({ name }) => name === field.name))
  return (
    rest.every((field) => (isLenient && field.isOptional) || fits(field.type, signature)) &&
    (isLenient || others === undefined || fits(others, signature))
  )
}

const listFits = (from: AST.TupleType, to: AST.TupleType, reading: Reading, fits: Fits): boolean => {
  const isLenient = reading === "texts"
  const [rest] = from.rest
  const elementFits = (element: AST.OptionalType, i: number): boolean => {
    const written = from.elements[i] ?? rest
    if (written === undefined) return element.isOptional
    return (isLenient && element.isOptional) || fits(written.type, element.type)
  }
  const items = [...from.elements.slice(to.elements.length), ...from.rest]
  return (
    to.elements.every(elementFits) &&
    to.rest.every(({ type }) => items.every((item) => (isLenient && item === rest) || fits(item.type, type)))
  )
}

const unknownFits = (from: AST.AST, to: AST.AST, fits: Fits): boolean => {
  if (to._tag === "TypeLiteral") {
    return to.propertySignatures.every((field) => field.isOptional || fits(from, field.type))
  }
  return to._tag !== "TupleType" || [...to.elements, ...to.rest].every(({ type }) => fits(from, type))
}

const encodedFits = (from: AST.AST, to: AST.AST, reading: Reading, fits: Fits): boolean => {
  if (from._tag === "Union") return from.types.some((type) => fits(type, to))
  if (to._tag === "Union") return to.types.some((type) => fits(from, type))
  if (from._tag === "Enums") return from.enums.some(([, value]) => fits(new AST.Literal(value), to))
  if (to._tag === "Enums") return to.enums.some(([, value]) => fits(from, new AST.Literal(value)))
  if (isDate(from) && isDate(to)) return true
  if (isDate(from)) return reading === "texts" && (kindOf(to) === "string" || isUnknown(to))
  if (isDate(to)) return reading === "texts" && (kindOf(from) === "string" || isUnknown(from))
  if (isUnknown(to)) return true
  if (isUnknown(from)) return unknownFits(from, to, fits)
  if (from._tag === "Literal" && to._tag === "Literal") return from.literal === to.literal
  if (from._tag === "TypeLiteral") return to._tag === "TypeLiteral" && objectFits(from, to, reading, fits)
  if (from._tag === "TupleType") return to._tag === "TupleType" && listFits(from, to, reading, fits)
  return kindOf(from) !== undefined && kindOf(from) === kindOf(to)
}

/** The pairs that are compared at most: more than any finite schema has. A function can make new schemas without end. */
const most = 1000

/** Whether one schema may decode a value that the other encodes. */
const mayFit = (from: AST.AST, to: AST.AST, reading: Reading): boolean => {
  /** the results of the compared pairs; true for a pair that is being compared */
  const compared = new Map<AST.AST, Map<AST.AST, boolean>>()
  let pairs = 0
  const fits: Fits = (one, other) => {
    const [a, b] = [encodedOf(one), encodedOf(other)]
    const answers = compared.get(a) ?? new Map<AST.AST, boolean>()
    const known = answers.get(b)
    if (known !== undefined || pairs++ > most) return known ?? true
    compared.set(a, answers.set(b, true))
    const answer = encodedFits(a, b, reading, fits)
    answers.set(b, answer)
    return answer
  }
  return fits(from, to)
}

/**
 * Whether values of two schemas overlap only because dates are texts. Those of `Schema.Array(Schema.DateFromSelf)` and
 * `Schema.Array(Schema.String)` do.
 *
 * @since 0.2.0
 * @category predicates
 */
export const areConfused = (one: AST.AST, other: AST.AST): boolean => {
  const isConfused = (from: AST.AST, to: AST.AST) => mayFit(from, to, "texts") && !mayFit(from, to, "dates")
  return isConfused(one, other) || isConfused(other, one)
}
