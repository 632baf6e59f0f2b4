/**
 * Compiles a schema to a decoder that builds no path, no error and no copy. It answers the value that it is given where
 * nothing changes, and calls the schema for the parts that are transformed.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

/**
 * The answer for a value that the schema must decide: it does not decode, or perhaps not. The schema makes the error.
 *
 * @since 0.1.0
 * @category symbols
 */
export const undecided: unique symbol = Symbol.for("effect-cache-toolkit/CompiledDecoder/undecided")

/**
 * @since 0.1.0
 * @category models
 */
export type Undecided = typeof undecided

/**
 * Decodes a value of `JSON.parse` or of a server, which may become part of the result. The result is that of
 * `Schema.decodeUnknown`, up to the order of an object's fields, or `undecided`.
 *
 * @since 0.1.0
 * @category models
 */
export type CompiledDecoder = (json: unknown) => unknown

/** The compiled parts, and the check of parts whose type the schema does not know. */
class Memo extends Map<AST.AST, CompiledDecoder> {
  constructor(readonly accepts: ((value: unknown) => boolean) | undefined) {
    super()
  }
}

/**
 * Makes the decoder of a schema. It never throws: a value that the schema throws on is `undecided`. So are NaN and the
 * infinities, which JSON cannot hold. Parts of unknown type (`Schema.Unknown`, a declared class) must satisfy `accepts`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, I>(
  schema: Schema.Schema<A, I>,
  accepts?: (value: unknown) => boolean
): ((json: unknown) => A | Undecided) => {
  const decode = compile(schema.ast, new Memo(accepts))
  return (json) => {
    try {
      return decode(json) as A | Undecided
    } catch {
      return undecided
    }
  }
}

const compile = (ast: AST.AST, memo: Memo): CompiledDecoder => {
  const made = memo.get(ast)
  if (made !== undefined) return made
  const decoder = isPlain(ast) ? compilePlain(ast, memo) : bySchema(ast, memo)
  memo.set(ast, decoder)
  return decoder
}

/** Whether no annotation changes how a schema decodes. */
const isPlain = (ast: AST.AST): boolean =>
  Option.isNone(AST.getParseOptionsAnnotation(ast)) && Option.isNone(AST.getDecodingFallbackAnnotation(ast))

const compilePlain = (ast: AST.AST, memo: Memo): CompiledDecoder => {
  switch (ast._tag) {
    case "Literal":
      return fitting((json) => json === ast.literal)
    case "StringKeyword":
      return fitting(Predicate.isString)
    case "NumberKeyword":
      return fitting(Number.isFinite)
    case "BooleanKeyword":
      return fitting(Predicate.isBoolean)
    case "UnknownKeyword":
    case "AnyKeyword":
      return memo.accepts === undefined ? (json) => json : fitting(memo.accepts)
    case "Enums":
      return fitting((json) => ast.enums.some(([, value]) => value === json))
    case "Refinement":
      return compileRefinement(ast, memo)
    case "TypeLiteral":
      return compileStruct(ast, memo) ?? compileRecord(ast, memo) ?? bySchema(ast, memo)
    case "TupleType":
      return compileArray(ast, memo) ?? bySchema(ast, memo)
    case "Union":
      return compileUnion(ast, memo) ?? bySchema(ast, memo)
    case "Suspend": {
      // it may contain itself, and so is compiled with the first value
      let decoder: CompiledDecoder | undefined
      return (json) => {
        decoder ??= compile(ast.f(), memo)
        return decoder(json)
      }
    }
    default:
      return ast === Schema.NumberFromString.ast ? wholeNumberOr(bySchema(ast, memo)) : bySchema(ast, memo)
  }
}

/** Whole numbers as scripts answer them. Every other text is for the schema. */
const wholeNumberOr =
  (otherwise: CompiledDecoder): CompiledDecoder =>
  (json) =>
    typeof json === "string" && /^\d{1,15}$/.test(json) ? Number(json) : otherwise(json)

const fitting =
  (is: (json: unknown) => boolean): CompiledDecoder =>
  (json) =>
    is(json) ? json : undecided

const bySchema = (ast: AST.AST, { accepts }: Memo): CompiledDecoder => {
  const decode = ParseResult.decodeUnknownEither(Schema.make<unknown, unknown, never>(ast))
  const decoder: CompiledDecoder = (json) => Either.getOrElse(decode(json), () => undecided)
  if (accepts === undefined) return decoder
  return (json) => {
    const decoded = decoder(json)
    return accepts(decoded) ? decoded : undecided
  }
}

const compileRefinement = (ast: AST.Refinement, memo: Memo): CompiledDecoder => {
  const decode = compile(ast.from, memo)
  return (json) => {
    const decoded = decode(json)
    return decoded === undecided || Option.isSome(ast.filter(decoded, AST.defaultParseOption, ast))
      ? undecided
      : decoded
  }
}

interface Field {
  readonly name: string
  readonly isOptional: boolean
  readonly decode: CompiledDecoder
}

/** An object of `JSON.parse`: it inherits nothing but the properties of every object. */
const isPlainObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === "object" && json !== null && Object.getPrototypeOf(json) === Object.prototype

/** Undefined for an object with a field that has no ordinary name. */
const compileStruct = (ast: AST.TypeLiteral, memo: Memo): CompiledDecoder | undefined => {
  if (ast.indexSignatures.length > 0 || ast.propertySignatures.length === 0) return undefined
  const fields: Array<Field> = []
  for (const { isOptional, name, type } of ast.propertySignatures) {
    // each object inherits such a field, and would seem to have it
    if (typeof name !== "string" || name in Object.prototype) return undefined
    fields.push({ name, isOptional, decode: compile(type, memo) })
  }
  return (json) => {
    if (!isPlainObject(json)) return undecided
    let present = 0
    let changed: Map<string, unknown> | undefined
    for (const { decode, isOptional, name } of fields) {
      const field = json[name]
      if (field === undefined && !Object.hasOwn(json, name)) {
        if (isOptional) continue
        return undecided
      }
      const decoded = decode(field)
      if (decoded === undecided) return undecided
      present++
      if (decoded !== field) {
        changed ??= new Map()
        changed.set(name, decoded)
      }
    }
    if (changed === undefined && Object.keys(json).length === present) return json
    // excess fields are dropped
    const output: Record<string, unknown> = {}
    for (const { name } of fields) {
      if (Object.hasOwn(json, name)) output[name] = changed?.has(name) === true ? changed.get(name) : json[name]
    }
    return output
  }
}

/** Undefined for a record whose keys are not plain strings. */
const compileRecord = (ast: AST.TypeLiteral, memo: Memo): CompiledDecoder | undefined => {
  const [signature, ...others] = ast.indexSignatures
  if (signature === undefined || others.length > 0 || ast.propertySignatures.length > 0) return undefined
  if (signature.parameter._tag !== "StringKeyword" || !isPlain(signature.parameter)) return undefined
  const decode = compile(signature.type, memo)
  return (json) => {
    // an instance of a class may have a `toJSON` of its own
    if (!isPlainObject(json)) return undecided
    let output: Record<string, unknown> | undefined
    for (const name of Object.keys(json)) {
      if (name === "__proto__") return undecided
      const decoded = decode(json[name])
      if (decoded === undecided) return undecided
      if (decoded !== json[name]) {
        output ??= { ...json }
        output[name] = decoded
      }
    }
    return output ?? json
  }
}

/** Lists of one type, and lists of a fixed length. Undefined for others. */
const compileArray = (ast: AST.TupleType, memo: Memo): CompiledDecoder | undefined => {
  const [rest, ...afterRest] = ast.rest
  if (afterRest.length > 0 || (rest !== undefined && ast.elements.length > 0)) return undefined
  if (ast.elements.some(({ isOptional }) => isOptional)) return undefined
  const items = ast.elements.map(({ type }) => compile(type, memo))
  const item = rest === undefined ? undefined : compile(rest.type, memo)
  return (json) => {
    if (!Array.isArray(json) || (item === undefined && json.length !== items.length)) return undecided
    let output: Array<unknown> | undefined
    for (let i = 0; i < json.length; i++) {
      const decoded = (item ?? items[i] ?? never)(json[i])
      if (decoded === undecided) return undecided
      if (decoded !== json[i]) {
        output ??= json.slice()
        output[i] = decoded
      }
    }
    return output ?? json
  }
}

const never: CompiledDecoder = () => undecided

/**
 * Unions of plain values, one kind of list or lists that their first element tells apart, and objects with a discriminating
 * field. No two members can decode one value, so that their order does not matter. Undefined for other unions.
 */
const compileUnion = (ast: AST.Union, memo: Memo): CompiledDecoder | undefined => {
  const plain: Array<CompiledDecoder> = []
  const objects: Array<AST.TypeLiteral> = []
  const lists: Array<AST.TupleType> = []
  for (const member of ast.types) {
    if (!isPlain(member)) return undefined
    if (isOfPlainValues(member)) plain.push(compile(member, memo))
    else if (member._tag === "TypeLiteral" && !acceptsPlainValues(member)) objects.push(member)
    else if (member._tag === "TupleType") lists.push(member)
    else return undefined
  }
  const object = compileObjects(objects, memo)
  const list = compileLists(lists, memo)
  if (object === undefined || list === undefined) return undefined
  return (json) => {
    if (typeof json === "object" && json !== null) return Array.isArray(json) ? list(json) : object(json)
    for (const decode of plain) if (decode(json) !== undecided) return json
    return undecided
  }
}

/** `Schema.Struct({})` accepts everything but null and undefined. */
const acceptsPlainValues = (ast: AST.TypeLiteral): boolean =>
  ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0

/** Whether a schema accepts only strings, numbers, booleans and null, and changes none of them. */
const isOfPlainValues = (ast: AST.AST): boolean => {
  switch (ast._tag) {
    case "Literal":
    case "StringKeyword":
    case "NumberKeyword":
    case "BooleanKeyword":
    case "Enums":
      return true
    case "Refinement":
      return isPlain(ast.from) && isOfPlainValues(ast.from)
    default:
      return false
  }
}

const compileObjects = (objects: ReadonlyArray<AST.TypeLiteral>, memo: Memo): CompiledDecoder | undefined => {
  const [first, ...others] = objects
  if (first === undefined) return never
  if (others.length === 0) return compile(first, memo)
  for (const { name } of first.propertySignatures) {
    const kinds = new Map<unknown, CompiledDecoder>()
    for (const object of objects) {
      const kind = literalOf(object, name)
      if (kind !== undefined) kinds.set(kind, compile(object, memo))
    }
    if (kinds.size === objects.length) {
      return (json) => (kinds.get(Predicate.isRecord(json) ? json[name] : undefined) ?? never)(json)
    }
  }
  return undefined
}

const compileLists = (lists: ReadonlyArray<AST.TupleType>, memo: Memo): CompiledDecoder | undefined => {
  const [first, ...others] = lists
  if (first === undefined) return never
  if (others.length === 0) return compile(first, memo)
  const kinds = new Map<unknown, CompiledDecoder>()
  for (const list of lists) {
    const [kind] = list.elements
    if (kind === undefined || kind.isOptional || kind.type._tag !== "Literal" || !isPlain(kind.type)) return undefined
    kinds.set(kind.type.literal, compile(list, memo))
  }
  if (kinds.size < lists.length) return undefined
  return (json) => (kinds.get(Array.isArray(json) ? json[0] : undefined) ?? never)(json)
}

/** The constant text of a field; undefined when the field may be absent or have another value. */
const literalOf = (ast: AST.TypeLiteral, name: PropertyKey): string | undefined => {
  const signature = ast.propertySignatures.find((signature) => signature.name === name)
  return signature !== undefined &&
    !signature.isOptional &&
    signature.type._tag === "Literal" &&
    isPlain(signature.type) &&
    typeof signature.type.literal === "string"
    ? signature.type.literal
    : undefined
}
