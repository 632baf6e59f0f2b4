/**
 * Decodes values from outside. Effect's unions turn the property that tells their members apart into a text, and throw on an
 * object such as `{"_tag":{"toString":""}}`, which has none.
 *
 * @since 0.2.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * `Schema.decodeUnknownEither`, where a value on which the schema throws does not decode either.
 *
 * @since 0.2.0
 * @category conversions
 */
export const decodeEither = <A, I>(schema: Schema.Schema<A, I>): ((input: unknown) => Either.Either<A, unknown>) => {
  const decode = Schema.decodeUnknownEither(schema)
  return (input) => {
    try {
      return decode(input)
    } catch (thrown) {
      return Either.left(thrown)
    }
  }
}
