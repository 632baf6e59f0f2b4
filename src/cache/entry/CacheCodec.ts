/**
 * A value and the text that stands for it in the cache: the JSON of the value's encoded form, readable with any client.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as CompiledDecoder from "../../internal/CompiledDecoder.js"
import * as DateText from "./DateText.js"
import * as JsonForm from "./JsonForm.js"

/**
 * A value that has no text, or a text that holds no such value. It tells where, and not what the value was: cached
 * values are people's data and do not belong into logs. What a schema throws is kept as it is.
 *
 * @since 0.1.0
 * @category errors
 */
export class CacheCodecError extends Schema.TaggedError<CacheCodecError>()("CacheCodecError", {
  operation: Schema.Literal("Encode", "Decode"),
  /** the path to the first field that does not fit, such as `address.city`; empty when it is the value itself */
  path: Schema.String,
  /** what the schema, or a migration, has thrown; absent when the value just does not fit */
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    const what = this.operation === "Encode" ? "the value cannot be stored" : "the stored text does not decode"
    const where = this.path === "" ? what : `${what} (at ${this.path})`
    return this.cause === undefined ? where : `${where}, since its schema throws`
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
  readonly decodeNow: (text: string) => A | CompiledDecoder.Unfit
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
 * An effect of a schema, begun when it is run, whose defects are failures like any other. An interruption is none.
 *
 * @since 0.1.0
 * @category combinators
 */
export const attempt = <A>(
  operation: CacheCodecError["operation"],
  effect: () => Effect.Effect<A, ParseResult.ParseError>
): Effect.Effect<A, CacheCodecError> => {
  const died = (cause: unknown) => Either.left(new CacheCodecError({ operation, path: "", cause }))
  return Effect.suspend(() => {
    try {
      const begun = effect()
      const failing = Effect.mapError(begun, fromParseError(operation))
      // most schemas answer at once: no later step of theirs can throw
      return Either.isEither(begun) ? failing : Effect.catchAllDefect(failing, died)
    } catch (cause) {
      return died(cause)
    }
  })
}

/**
 * The codec of a schema. `encode` fails with `CacheCodecError` when the value does not satisfy the schema, when the schema
 * throws on it, or when its encoded form is no JSON (NaN, an instance of a class, a cycle); `decode` when the text is no
 * JSON, does not decode, or makes the schema throw.
 *
 * Throws a `TypeError` for a schema whose encoded form JSON cannot hold, such as `Schema.BigIntFromSelf`. A `Date` is written as its
 * text of ISO 8601, also by `Schema.DateFromSelf`.
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
export const make = <A, I>(given: Schema.Schema<A, I>): CacheCodec<A> => {
  const schema = DateText.make(given)
  const problem = JsonForm.problemOf(schema)
  if (problem !== undefined) throw new TypeError(problem)
  const needsCheck = JsonForm.needsCheck(schema)
  const toEncoded = Schema.encode(schema)
  const fromEncoded = Schema.decodeUnknown(schema)
  const fromEncodedFast = CompiledDecoder.make(schema)
  // a schema that transforms nothing does the same in both directions
  const toEncodedFast =
    AST.typeAST(schema.ast) !== schema.ast
      ? undefined
      : needsCheck
        ? CompiledDecoder.make(schema, JsonForm.isJson)
        : fromEncodedFast

  const toText = (encoded: unknown): Either.Either<string, CacheCodecError> => {
    try {
      if (!needsCheck || JsonForm.isJson(encoded)) return Either.right(JSON.stringify(encoded))
      const path = JsonForm.pathToProblem(encoded).join(".")
      return Either.left(new CacheCodecError({ operation: "Encode", path }))
    } catch {
      // it holds itself, or is nested too deeply
      return Either.left(new CacheCodecError({ operation: "Encode", path: "" }))
    }
  }

  const fromText = (text: string): Effect.Effect<unknown, CacheCodecError> =>
    Effect.try({
      try: () => JSON.parse(text) as unknown,
      catch: () => new CacheCodecError({ operation: "Decode", path: "" })
    })

  return {
    encode: (value) =>
      Effect.flatMap(
        attempt("Encode", () => toEncoded(value)),
        toText
      ),
    encodeNow: (value) => {
      if (toEncodedFast === undefined) return undefined
      try {
        const encoded = toEncodedFast(value)
        return encoded === CompiledDecoder.unfit ? undefined : JSON.stringify(encoded)
      } catch {
        // nested too deeply
        return undefined
      }
    },
    decode: (text) => Effect.flatMap(fromText(text), (json) => attempt("Decode", () => fromEncoded(json))),
    decodeNow: (text) => {
      try {
        return fromEncodedFast(JSON.parse(text))
      } catch {
        // no JSON
        return CompiledDecoder.unfit
      }
    }
  }
}
