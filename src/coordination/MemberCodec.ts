/**
 * Members of a sorted set as values of a type.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { RedisServerError } from "../redis/RedisError.js"

/**
 * What members are, where they are more than strings: a schema to and from the text under which they stand in Redis.
 *
 * @since 0.1.0
 * @category models
 */
export interface Typed<Member> {
  readonly member: Schema.Schema<Member, string>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Members<Member> {
  /**
   * The text of a member; fails with `RedisServerError`, code `ERR`, when its schema refuses it or throws on it, or when it
   * holds a lone surrogate.
   */
  readonly encode: (command: string, member: Member) => Effect.Effect<string, RedisServerError>
  /** None for what another program has put there that is no member, or that the schema throws on. */
  readonly decode: (text: string) => Option.Option<Member>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <Member>(schema: Schema.Schema<Member, string>): Members<Member> => {
  const encode = Schema.encodeEither(schema)
  const decode = Schema.decodeOption(schema)
  const refused = (command: string, why: string) =>
    new RedisServerError({ command, code: "ERR", detail: `the member ${why}` })
  return {
    encode: (command, member) => {
      try {
        const text = Either.mapLeft(encode(member), ({ message }) =>
          refused(command, `does not satisfy its schema: ${message}`)
        )
        // a lone surrogate is sent as U+FFFD: two such members would be one
        return Either.isRight(text) && !text.right.isWellFormed()
          ? Either.left(refused(command, "is not well-formed Unicode"))
          : text
      } catch (thrown) {
        return Either.left(refused(command, `makes its schema throw: ${String(thrown)}`))
      }
    },
    decode: (text) => {
      try {
        return decode(text)
      } catch {
        return Option.none()
      }
    }
  }
}
