/**
 * A value and the text that stands for it in the cache: the JSON of the value's encoded form, readable with any client.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as FastDecoder from "../redis/FastDecoder.js"

/**
 * A value that has no text, or a text that holds no such value. It tells where, and never what the value was: cached
 * values are people's data and do not belong into logs.
 *
 * @since 0.1.0
 * @category errors
 */
export class CacheCodecError extends Schema.TaggedError<CacheCodecError>()("CacheCodecError", {
  operation: Schema.Literal("Encode", "Decode"),
  /** the path to the first field that does not fit, such as `address.city`; empty when it is the value itself */
  path: Schema.String
}) {
  override get message(): string {
    const what = this.operation === "Encode" ? "the value cannot be stored" : "the stored text does not decode"
    return this.path === "" ? what : `${what} (at ${this.path})`
  }
}

/**
 * Both directions for one type of value.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheCodec<A> {
  readonly encode: (value: A) => Effect.Effect<string, CacheCodecError>
  /** As `encode`, without an effect; undefined where that takes the schema itself, which also has the word on what fails. */
  readonly encodeNow: (value: A) => string | undefined
  readonly decode: (text: string) => Effect.Effect<A, CacheCodecError>
  /** As `decode`, without an effect; `unfit` where that takes the schema itself, which also has the word on what fails. */
  readonly decodeNow: (text: string) => A | FastDecoder.Unfit
}

const pathOf = (error: ParseResult.ParseError): string => {
  try {
    return (ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.path ?? []).map(String).join(".")
  } catch {
    // it writes the value as well, which throws where that is nested deeper than the stack is
    return ""
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const fromParseError =
  (operation: CacheCodecError["operation"]) =>
  (error: ParseResult.ParseError): CacheCodecError =>
    new CacheCodecError({ operation, path: pathOf(error) })

/**
 * The codec of a schema. `encode` fails with `CacheCodecError` when the value does not satisfy the schema or its encoded
 * form is no JSON (`undefined`, a bigint, a cycle); `decode` when the text is no JSON or does not decode.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { CacheCodec } from "effect-cache-toolkit"
 * import * as Schema from "effect/Schema"
 *
 * // writes {"at":"2025-01-01T00:00:00.000Z"}
 * const codec = CacheCodec.make(Schema.Struct({ at: Schema.DateTimeUtc }))
 */
export const make = <A, I>(schema: Schema.Schema<A, I>): CacheCodec<A> => {
  const toEncoded = Schema.encode(schema)
  const fromEncoded = Schema.decodeUnknown(schema)
  const fromEncodedFast = FastDecoder.make(schema)
  // a schema that transforms nothing does the same in both directions
  const toEncodedFast = AST.typeAST(schema.ast) === schema.ast ? fromEncodedFast : undefined

  const toText = (encoded: I): Effect.Effect<string, CacheCodecError> =>
    Effect.try({
      try: () => {
        const text: string | undefined = JSON.stringify(encoded)
        if (text === undefined) throw new TypeError("no JSON")
        return text
      },
      catch: () => new CacheCodecError({ operation: "Encode", path: "" })
    })

  const fromText = (text: string): Effect.Effect<unknown, CacheCodecError> =>
    Effect.try({
      try: () => JSON.parse(text) as unknown,
      catch: () => new CacheCodecError({ operation: "Decode", path: "" })
    })

  return {
    encode: (value) => Effect.flatMap(Effect.mapError(toEncoded(value), fromParseError("Encode")), toText),
    encodeNow: (value) => {
      if (toEncodedFast === undefined) return undefined
      try {
        const encoded = toEncodedFast(value)
        return encoded === FastDecoder.unfit ? undefined : JSON.stringify(encoded)
      } catch {
        // no JSON, or a schema that dies of it
        return undefined
      }
    },
    decode: (text) =>
      Effect.flatMap(fromText(text), (json) => Effect.mapError(fromEncoded(json), fromParseError("Decode"))),
    decodeNow: (text) => {
      try {
        return fromEncodedFast(JSON.parse(text))
      } catch {
        // no JSON, or a schema that dies of it
        return FastDecoder.unfit
      }
    }
  }
}
