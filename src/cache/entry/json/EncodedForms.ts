/**
 * The values that JSON (ECMA-404) cannot hold, each with the schema of Effect that encodes it. A row of a database with dates
 * and bigints can then be cached as its schema is.
 *
 * @since 0.2.0
 */
import * as BigDecimal from "effect/BigDecimal"
import * as Chunk from "effect/Chunk"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as List from "effect/List"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as SchemaClasses from "../../../internal/effect/SchemaClasses.js"
import * as JsonForm from "../JsonForm.js"

/**
 * A choice of forms, and how they are stored.
 *
 * @since 0.2.0
 * @category models
 */
export interface EncodedForms {
  /** The name of a schema's form, such as `bigint`; undefined for other schemas. */
  readonly nameOf: (ast: AST.AST) => string | undefined
  /** The schema that stores a form, over the given parts of the form's schema: the items of a `Set`. */
  readonly encode: (ast: AST.AST, parts: ReadonlyArray<AST.AST>) => AST.AST
  /** Whether a value of a form may also be one of an object's schema: a `Map` has a `size`. */
  readonly maySatisfy: (form: AST.AST, object: AST.TypeLiteral) => boolean
  /** Whether a schema and all of its parts are stored as they are. */
  readonly isKept: (ast: AST.AST) => boolean
}

/**
 * The schemas that a form consists of.
 *
 * @since 0.2.0
 * @category getters
 */
export const partsOf = (ast: AST.AST): ReadonlyArray<AST.AST> => (ast._tag === "Declaration" ? ast.typeParameters : [])

type Part = Schema.Schema<unknown, unknown>
type Constructor = (first: Part, second: Part) => { readonly ast: AST.AST }

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

/** An offset has no seconds in its text. Times with such an offset, before time zones, have no text. */
const ZonedText = Schema.transformOrFail(Schema.String, Schema.DateTimeZonedFromSelf, {
  strict: true,
  decode: (text, _, ast) =>
    Option.match(DateTime.makeZonedFromString(text), {
      onNone: () => ParseResult.fail(new ParseResult.Type(ast, text)),
      onSome: ParseResult.succeed
    }),
  encode: (time, _, ast) => {
    const text = DateTime.formatIsoZoned(time)
    return Option.exists(DateTime.makeZonedFromString(text), (read) => Equal.equals(read, time))
      ? ParseResult.succeed(text)
      : ParseResult.fail(new ParseResult.Type(ast, time))
  }
})

/** The base64 of `Schema.Uint8ArrayFromBase64`, by the runtime's own code: for 16 KiB it takes a tenth of the time or less. */
const BytesText = Schema.transformOrFail(Schema.String, Schema.Uint8ArrayFromSelf, {
  strict: true,
  decode: (text, _, ast) => {
    const bytes = Buffer.from(text, "base64")
    // `Buffer` skips what is no base64
    return bytes.toString("base64") === text
      ? ParseResult.succeed(new Uint8Array(bytes))
      : ParseResult.fail(new ParseResult.Type(ast, text))
  },
  encode: ({ buffer, byteLength, byteOffset }) =>
    ParseResult.succeed(Buffer.from(buffer, byteOffset, byteLength).toString("base64"))
})

/** How the instances of a class are stored, and one of them, to know which fields they have. */
type ClassForm = readonly [constructor: Constructor, instance: () => object]

const { ofEffect } = SchemaClasses

/** By the name of the class, for forms of which equal values have equal texts. */
const classesOfKeys: Readonly<Record<string, ClassForm>> = {
  Date: [() => DateText, () => new Date(0)],
  URL: [() => Schema.URL, () => URL.prototype],
  Uint8Array: [() => BytesText, () => new Uint8Array()],
  [ofEffect("BigDecimal")]: [() => Schema.BigDecimal, () => BigDecimal.make(0n, 0)],
  [ofEffect("DateTime.Utc")]: [() => Schema.DateTimeUtc, () => DateTime.unsafeMake(0)],
  [ofEffect("DateTime.Zoned")]: [() => ZonedText, () => DateTime.unsafeMakeZoned(0, { timeZone: 0 })],
  [ofEffect("DateTime.TimeZone.Offset")]: [() => Schema.TimeZoneOffset, () => DateTime.zoneMakeOffset(0)],
  [ofEffect("DateTime.TimeZone.Named")]: [() => Schema.TimeZoneNamed, () => DateTime.zoneUnsafeMakeNamed("UTC")],
  [ofEffect("Option")]: [(value) => Schema.Option(value), () => Option.some(0)],
  [ofEffect("Either")]: [(right, left) => Schema.Either({ left, right }), () => Either.right(0)],
  [ofEffect("Chunk")]: [(item) => Schema.Chunk(item), () => Chunk.of(0)],
  [ofEffect("Chunk.NonEmptyChunk")]: [(item) => Schema.NonEmptyChunk(item), () => Chunk.of(0)],
  [ofEffect("List")]: [(item) => Schema.List(item), () => List.of(0)]
}

/** The texts of equal maps differ by the order of their entries, those of equal durations by their unit. */
const classes: Readonly<Record<string, ClassForm>> = {
  ...classesOfKeys,
  ReadonlyMap: [(key, value) => Schema.Map({ key, value }), () => new Map()],
  ReadonlySet: [(item) => Schema.Set(item), () => new Set()],
  [ofEffect("HashMap")]: [(key, value) => Schema.HashMap({ key, value }), () => HashMap.empty()],
  [ofEffect("HashSet")]: [(item) => Schema.HashSet(item), () => HashSet.empty()],
  [ofEffect("Duration")]: [() => Schema.Duration, () => Duration.zero]
}

/** The annotations that change how a schema decodes. */
const decodingAnnotations = ({ annotations }: AST.AST): AST.Annotations =>
  Object.fromEntries(
    [AST.DecodingFallbackAnnotationId, AST.ParseOptionsAnnotationId]
      .filter((id) => id in annotations)
      .map((id) => [id, annotations[id]])
  )

const classOf = (ast: AST.Declaration): string => SchemaClasses.nameOf(ast) ?? ""

const ofClasses = (classes: Readonly<Record<string, ClassForm>>): EncodedForms => {
  const formOf = (ast: AST.AST): ClassForm | undefined => {
    if (ast._tag !== "Declaration" || !Object.hasOwn(classes, classOf(ast))) return undefined
    const form = classes[classOf(ast)]
    // a schema of the caller's own may have the name and other parts
    return form?.[0].length === ast.typeParameters.length ? form : undefined
  }
  const schemaOf = (ast: AST.AST, parts: ReadonlyArray<AST.AST>): { readonly ast: AST.AST } => {
    if (ast._tag === "Literal") return Schema.transformLiteral(String(ast.literal), ast.literal)
    const [first = AST.neverKeyword, second = AST.neverKeyword] = parts
    return formOf(ast)?.[0](Schema.make(first), Schema.make(second)) ?? Schema.BigInt
  }
  return {
    nameOf: (ast) => {
      if (ast._tag === "BigIntKeyword" || (ast._tag === "Literal" && typeof ast.literal === "bigint")) return "bigint"
      return ast._tag === "Declaration" && formOf(ast) !== undefined ? classOf(ast) : undefined
    },
    encode: (ast, parts) => {
      const encoded = schemaOf(ast, parts).ast
      return encoded._tag === "Transformation"
        ? new AST.Transformation(encoded.from, AST.typeAST(ast), encoded.transformation, decodingAnnotations(ast))
        : encoded
    },
    maySatisfy: (form, { propertySignatures }) => {
      const instance = formOf(form)?.[1]()
      return (
        instance !== undefined && propertySignatures.every(({ isOptional, name }) => isOptional || name in instance)
      )
    },
    isKept: () => false
  }
}

/**
 * The forms of values and cached errors.
 *
 * @since 0.2.0
 * @category forms
 */
export const ofValues: EncodedForms = ofClasses(classes)

/**
 * The forms of keys: those of which equal keys have equal texts.
 *
 * @since 0.2.0
 * @category forms
 */
export const ofKeys: EncodedForms = ofClasses(classesOfKeys)

/** Another object than `Schema.Number`, which is a form. */
const finite = Schema.Number.annotations({ title: "a finite number" })

/** NaN and the infinities are stored as the texts that `String` makes of them. */
const NumberOrText = Schema.transform(
  Schema.Union(finite, Schema.Literal("NaN", "Infinity", "-Infinity")),
  Schema.Number,
  {
    strict: true,
    decode: Number,
    encode: (n) => (Number.isFinite(n) ? n : n > 0 ? "Infinity" : n < 0 ? "-Infinity" : "NaN")
  }
)

/**
 * The numbers that are not finite, of schemas that accept them. Below a schema that decodes anything, by a fallback, numbers are
 * stored as they are.
 *
 * @since 0.2.0
 * @category forms
 */
export const ofNumbers: EncodedForms = {
  nameOf: (ast) => (ast._tag === "NumberKeyword" && ast !== finite.ast ? "number" : undefined),
  encode: () => NumberOrText.ast,
  maySatisfy: () => false,
  isKept: (ast) =>
    Option.isSome(AST.getDecodingFallbackAnnotation(ast)) ||
    (ast._tag === "Refinement" && !JsonForm.needsCheck({ ast }))
}
