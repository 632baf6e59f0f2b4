/**
 * Converts a value to the text that a cache stores for it, and back: the JSON of the value's encoded form.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as Eager from "../../internal/effect/Eager.js"
import * as CompiledDecoder from "../../internal/schema/CompiledDecoder.js"
import * as JsonForm from "./JsonForm.js"
import * as JsonEncoding from "./json/JsonEncoding.js"

/**
 * A value cannot be stored, or a stored text does not decode. The error names the field and not its content: cached values
 * are personal data and do not belong into logs.
 *
 * @since 0.1.0
 * @category errors
 */
export class CacheCodecError extends Schema.TaggedError<CacheCodecError>()("CacheCodecError", {
  operation: Schema.Literal("Encode", "Decode"),
  /** the path to the first field that does not fit, such as `address.city`; empty for the value itself */
  path: Schema.String,
  /** what the schema or the migration threw; absent when the value does not fit the schema */
  cause: Schema.optional(Schema.Defect)
}) {
  override get message(): string {
    const what = this.operation === "Encode" ? "the value cannot be stored" : "the stored text does not decode"
    const where = this.path === "" ? what : `${what} (at ${this.path})`
    return this.cause === undefined ? where : `${where}, since its schema throws`
  }
}

/**
 * Encodes and decodes the values of one type.
 *
 * Both functions answer an `Exit` where the schema needs no other effect, which is the case for most schemas. A caller that
 * has no fiber checks with `Exit.isExit` and skips the runtime.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheCodec<A> {
  /** The JSON of a value. Fails when the value does not satisfy the schema, or JSON cannot hold its encoded form. */
  readonly encode: (value: A) => Effect.Effect<string, CacheCodecError>
  /** The value of a JSON text. Fails when the text is no JSON or does not satisfy the schema. */
  readonly decode: (text: string) => Effect.Effect<A, CacheCodecError>
}

const pathOf = (error: ParseResult.ParseError): string => {
  try {
    return (ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.path ?? []).map(String).join(".")
  } catch {
    // the formatter prints the value too, and throws on one that is nested deeper than the stack
    return ""
  }
}

const failure = (operation: CacheCodecError["operation"], path: string): Exit.Exit<never, CacheCodecError> =>
  Exit.fail(new CacheCodecError({ operation, path }))

const thrown = (operation: CacheCodecError["operation"], cause: unknown): Exit.Exit<never, CacheCodecError> =>
  Exit.fail(new CacheCodecError({ operation, path: "", cause }))

/**
 * Starts a schema's effect and reports its errors and its defects as `CacheCodecError`. Answers an `Exit` where the schema
 * does. An interruption stays an interruption.
 *
 * @since 0.1.0
 * @category combinators
 */
export const attempt = <A>(
  operation: CacheCodecError["operation"],
  start: () => Effect.Effect<A, ParseResult.ParseError>
): Effect.Effect<A, CacheCodecError> => {
  const fromParseError = (error: ParseResult.ParseError) => new CacheCodecError({ operation, path: pathOf(error) })
  try {
    const started = start()
    if (Eager.isEither(started)) {
      return Either.isRight(started) ? Exit.succeed(started.right) : Exit.fail(fromParseError(started.left))
    }
    return started.pipe(
      Effect.mapError(fromParseError),
      Effect.catchAllDefect((cause) => thrown(operation, cause))
    )
  } catch (cause) {
    return thrown(operation, cause)
  }
}

/**
 * Makes the codec of a schema. `encode` fails with `CacheCodecError` when the value does not satisfy the schema, or the schema
 * throws on it. It also fails when the encoded form is no JSON: an instance of a class in `Schema.Unknown`, a cycle. `decode`
 * fails when the text is no JSON, does not decode, or makes the schema throw.
 *
 * Values that JSON cannot hold are encoded as Effect's schemas encode them, also for `Schema.DateFromSelf`, `Schema.BigIntFromSelf`
 * and `Schema.MapFromSelf`. NaN and the infinities are texts. Throws a `TypeError` for a schema whose encoded form JSON cannot hold,
 * such as `Schema.SymbolFromSelf`. So it does for a union in which two values would be stored as one.
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
  const schema = JsonEncoding.ofValue(given)
  const problem = JsonForm.problemOf(schema)
  if (problem !== undefined) throw new TypeError(problem)
  const needsCheck = JsonForm.needsCheck(schema)
  const toEncoded = Schema.encode(schema)
  // for values with NaN, and texts that do not decode: it is slower, and other values need none of it
  let withNumbers: Schema.Schema<A, unknown> | undefined
  const schemaWithNumbers = () => (withNumbers ??= needsCheck ? JsonEncoding.withNumbers(schema) : schema)
  const decodeCompiled = CompiledDecoder.make(schema)
  // a schema that transforms nothing does the same in both directions
  const encodeCompiled =
    AST.typeAST(schema.ast) !== schema.ast
      ? undefined
      : needsCheck
        ? CompiledDecoder.make(schema, JsonForm.isJson)
        : decodeCompiled

  const encodeWithNumbers = (value: A): Effect.Effect<string, CacheCodecError> =>
    Eager.flatMap(
      attempt("Encode", () => Schema.encode(schemaWithNumbers())(value)),
      (encoded) => toText(encoded)
    )

  const toText = (encoded: unknown, otherwise?: () => Effect.Effect<string, CacheCodecError>) => {
    try {
      if (!needsCheck || JsonForm.isJson(encoded)) return Exit.succeed(JSON.stringify(encoded))
      if (otherwise !== undefined) return otherwise()
      return failure("Encode", JsonForm.pathToProblem(encoded).join("."))
    } catch {
      // the value contains itself, or is nested too deeply
      return failure("Encode", "")
    }
  }

  /** The text of a value that the compiled decoder accepts. */
  const compiledText = (value: A): string | undefined => {
    if (encodeCompiled === undefined) return undefined
    try {
      const encoded = encodeCompiled(value)
      return encoded === CompiledDecoder.undecided ? undefined : JSON.stringify(encoded)
    } catch {
      // nested too deeply
      return undefined
    }
  }

  return {
    encode: (value) => {
      const text = compiledText(value)
      if (text !== undefined) return Exit.succeed(text)
      return Eager.flatMap(
        attempt("Encode", () => toEncoded(value)),
        (encoded) => toText(encoded, () => encodeWithNumbers(value))
      )
    },
    decode: (text) => {
      let json: unknown
      try {
        json = JSON.parse(text)
      } catch {
        return failure("Decode", "")
      }
      const value = decodeCompiled(json)
      if (value !== CompiledDecoder.undecided) return Exit.succeed(value)
      return attempt("Decode", () => Schema.decodeUnknown(schemaWithNumbers())(json))
    }
  }
}
