/**
 * Decides whether two schemas of a union are still distinct when their dates, bigints and other forms are stored as JSON.
 *
 * @since 0.2.0
 */
import { identity } from "effect/Function"
import * as AST from "effect/SchemaAST"
import * as EncodedForms from "./EncodedForms.js"

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
      return true
    case "TypeLiteral":
      // `Schema.Struct({})` accepts everything but null and undefined
      return ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0
    default:
      return false
  }
}

/** The type of a plain value; undefined for forms, lists and objects. */
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
 * How the values that one schema stores are read by another one.
 *
 * - `never`: the other schema decodes none of them
 * - `same`: it may decode some, and finds in each place what was stored
 * - `crossed`: it may decode some, and a text may become a date, or a date a text
 */
type Overlap = "never" | "same" | "crossed"

type Compare = (from: AST.AST, to: AST.AST) => Overlap

/** The overlap of schemas whose parts must all overlap. */
const allOf = <A>(parts: Iterable<A>, compare: (part: A) => Overlap): Overlap => {
  let overlap: Overlap = "same"
  for (const part of parts) {
    const own = compare(part)
    if (own === "never") return own
    if (own === "crossed") overlap = own
  }
  return overlap
}

/** The overlap of schemas of which one part must overlap. */
const anyOf = <A>(parts: Iterable<A>, compare: (part: A) => Overlap): Overlap => {
  let overlap: Overlap = "never"
  for (const part of parts) {
    const own = compare(part)
    if (own === "crossed") return own
    if (own === "same") overlap = own
  }
  return overlap
}

/** The overlap of a part that may also be absent, or occur no time. */
const orAbsent = (overlap: Overlap): Overlap => (overlap === "never" ? "same" : overlap)

const objects = (from: AST.TypeLiteral, to: AST.TypeLiteral, compare: Compare): Overlap => {
  const [others, signature] = [from.indexSignatures[0]?.type, to.indexSignatures[0]?.type]
  const field = ({ isOptional, name, type }: AST.PropertySignature): Overlap => {
    const written = from.propertySignatures.find((field) => field.name === name)
    const writtenType = written?.type ?? others
    if (writtenType === undefined) return isOptional ? "same" : compare(AST.undefinedKeyword, type)
    const overlap = compare(writtenType, type)
    return isOptional && written?.isOptional !== false ? orAbsent(overlap) : overlap
  }
  const fields = allOf(to.propertySignatures, field)
  if (fields === "never" || signature === undefined) return fields
  const rest = from.propertySignatures.filter((field) => !to.propertySignatures.some(({ name }) => name === field.name))
  return allOf(
    [
      fields,
      allOf(rest, ({ isOptional, type }) => {
        const overlap = compare(type, signature)
        return isOptional ? orAbsent(overlap) : overlap
      }),
      others === undefined ? "same" : orAbsent(compare(others, signature))
    ],
    identity
  )
}

const lists = (from: AST.TupleType, to: AST.TupleType, compare: Compare): Overlap => {
  const [rest] = from.rest
  const elements = to.elements.map((element, i): Overlap => {
    const written = from.elements[i] ?? rest
    if (written === undefined) return element.isOptional ? "same" : "never"
    const overlap = compare(written.type, element.type)
    return element.isOptional ? orAbsent(overlap) : overlap
  })
  const items = [...from.elements.slice(to.elements.length), ...from.rest]
  const others = to.rest.map(({ type }) =>
    allOf(items, (item) => {
      const overlap = compare(item.type, type)
      return item === rest ? orAbsent(overlap) : overlap
    })
  )
  return allOf([...elements, ...others], identity)
}

/** Any value against a schema: crossed where the schema has a form. */
const anything = (ast: AST.AST, compare: Compare): Overlap => {
  const part = ({ type }: { readonly type: AST.AST }) => compare(AST.unknownKeyword, type)
  switch (ast._tag) {
    case "Union":
      return anyOf(ast.types, (type) => compare(AST.unknownKeyword, type))
    case "TypeLiteral":
      return allOf([...ast.propertySignatures, ...ast.indexSignatures], part)
    case "TupleType":
      return allOf([...ast.elements, ...ast.rest], part)
    default:
      return "same"
  }
}

const plain: Compare = (from, to) =>
  from._tag === "Literal" && to._tag === "Literal"
    ? from.literal === to.literal
      ? "same"
      : "never"
    : kindOf(from) !== undefined && kindOf(from) === kindOf(to)
      ? "same"
      : "never"

const structures = (from: AST.AST, to: AST.AST, compare: Compare): Overlap => {
  if (from._tag === "Union") return anyOf(from.types, (type) => compare(type, to))
  if (to._tag === "Union") return anyOf(to.types, (type) => compare(from, type))
  if (from._tag === "Enums") return anyOf(from.enums, ([, value]) => compare(new AST.Literal(value), to))
  if (to._tag === "Enums") return anyOf(to.enums, ([, value]) => compare(from, new AST.Literal(value)))
  if (isUnknown(from)) return anything(to, compare)
  if (isUnknown(to)) return anything(from, compare)
  if (from._tag === "TypeLiteral") return to._tag === "TypeLiteral" ? objects(from, to, compare) : "never"
  if (from._tag === "TupleType") return to._tag === "TupleType" ? lists(from, to, compare) : "never"
  return plain(from, to)
}

/** The pairs that are compared at most: more than any finite schema has. A function can make new schemas without end. */
const most = 10_000

const overlapOf = (one: AST.AST, other: AST.AST, forms: EncodedForms.EncodedForms): Overlap => {
  /** the results of the compared pairs; `same` for a pair that is being compared */
  const compared = new Map<AST.AST, Map<AST.AST, Overlap>>()
  const stored = new Map<AST.AST, AST.AST>()
  const storedOf = (ast: AST.AST): AST.AST => {
    const known = stored.get(ast)
    if (known !== undefined) return known
    const made = encodedOf(forms.encode(ast, EncodedForms.partsOf(ast)))
    stored.set(ast, made)
    return made
  }
  let pairs = 0
  const compare: Compare = (one, other) => {
    const [from, to] = [encodedOf(one), encodedOf(other)]
    const answers = compared.get(from) ?? new Map<AST.AST, Overlap>()
    const known = answers.get(to)
    if (known !== undefined) return known
    if (pairs++ > most) return "crossed"
    compared.set(from, answers.set(to, "same"))
    const answer = ofForms(from, to)
    answers.set(to, answer)
    return answer
  }
  const ofForms: Compare = (from, to) => {
    const [name, otherName] = [forms.nameOf(from), forms.nameOf(to)]
    if (name === otherName && name === undefined) return structures(from, to, compare)
    // a member of a union may be the same form
    if (from._tag === "Union" || to._tag === "Union") return structures(from, to, compare)
    // a member of the union would encode the other one's value
    if (from._tag === "TypeLiteral" && forms.maySatisfy(to, from)) return "crossed"
    if (to._tag === "TypeLiteral" && forms.maySatisfy(from, to)) return "crossed"
    const overlap = compare(name === undefined ? from : storedOf(from), otherName === undefined ? to : storedOf(to))
    return name === otherName || overlap === "never" ? overlap : "crossed"
  }
  return compare(one, other)
}

/**
 * Whether one of two schemas may decode what the other one stores, and take a text for a form such as a date, or the reverse.
 * `Schema.Array(Schema.DateFromSelf)` and `Schema.Array(Schema.String)` are confused.
 *
 * @since 0.2.0
 * @category predicates
 */
export const areConfused = (one: AST.AST, other: AST.AST, forms: EncodedForms.EncodedForms): boolean =>
  overlapOf(one, other, forms) === "crossed" || overlapOf(other, one, forms) === "crossed"
