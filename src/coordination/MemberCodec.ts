/**
 * Converts members of a sorted set between values of a type and their text.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { malformed, reject } from "../redis/ArgumentCheck.js"
import type { InvalidArgument } from "../redis/RedisError.js"

/**
 * The schema of members that are more than strings. Its encoded side is the text in Redis.
 *
 * @since 0.1.0
 * @category models
 */
export interface Typed<Member> {
  readonly member: Schema.Schema<Member, string>
}

/**
 * The codec of one schema, of members or of what stands beside them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Members<Member> {
  /**
   * Encodes a member. Fails when its schema rejects it or throws, or when its text holds a lone surrogate.
   */
  readonly encode: (command: string, member: Member) => Effect.Effect<string, InvalidArgument>
  /** Decodes a text. None when another program stored it and the schema rejects it or throws. */
  readonly decode: (text: string) => Option.Option<Member>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <Member>(schema: Schema.Schema<Member, string>, argument = "member"): Members<Member> => {
  const encode = Schema.encodeEither(schema)
  const decode = Schema.decodeOption(schema)
  return {
    encode: (command, member) => {
      try {
        const text = encode(member)
        if (Either.isLeft(text)) {
          return reject(command, argument, member, `a ${argument} that its schema accepts (${text.left.message})`)
        }
        // a lone surrogate is sent as U+FFFD, so two such members would become one
        return text.right.isWellFormed() ? Exit.succeed(text.right) : malformed(command, text.right, argument)
      } catch (thrown) {
        return reject(command, argument, member, `a ${argument} on which its schema does not throw (${String(thrown)})`)
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
