/**
 * Builds keys in which input is an id and nothing else: no pattern, no other key, no hash tag.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * The longest id, in bytes of its UTF-8 form.
 *
 * @since 0.1.0
 * @category constants
 */
export const maxIdBytes = 512

/**
 * An id that cannot become part of a key.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidKey extends Schema.TaggedError<InvalidKey>()("InvalidKey", {
  reason: Schema.Literal("Empty", "TooLong", "ControlCharacter", "LoneSurrogate", "NotEncodable"),
  /** the prefix that the id was for */
  prefix: Schema.String
}) {
  override get message(): string {
    return `${invalidKeyMessages[this.reason]} (for a key under "${this.prefix}")`
  }
}

const invalidKeyMessages: Record<InvalidKey["reason"], string> = {
  Empty: "the id is empty",
  TooLong: `the id is longer than ${maxIdBytes} bytes`,
  ControlCharacter: "the id holds a control character",
  LoneSurrogate: "the id is not well-formed Unicode",
  NotEncodable: "the id does not satisfy the schema of the cache's keys"
}

const encoder = new TextEncoder()

/** Control characters and lone surrogates, which an id must not hold, and the characters that are percent-encoded. */
const notable = /[\p{Cc}\p{Cs}{}%:]/u

/**
 * Why the characters of a text have no place in a key; undefined when they have.
 *
 * @since 0.1.0
 * @category getters
 */
export const characterProblem = (text: string): "ControlCharacter" | "LoneSurrogate" | undefined => {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return "ControlCharacter"
  }
  return text.isWellFormed() ? undefined : "LoneSurrogate"
}

/**
 * Builds `prefix:id`, with the colons, braces and percent signs of the id percent-encoded. So two ids never share a key, and
 * no id completes a longer prefix: `user` and `secret:ada` make no key of `user:secret`. The hash tag of an auxiliary key is
 * the whole key. Fails with `InvalidKey` when the id is empty, longer than 512 bytes, holds a control character or a lone
 * surrogate.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (prefix: string, id: string): Either.Either<string, InvalidKey> => {
  // one test accepts most ids
  if (id.length > 0 && id.length * 3 <= maxIdBytes && !notable.test(id)) return Either.right(`${prefix}:${id}`)
  if (id.length === 0) return Either.left(new InvalidKey({ reason: "Empty", prefix }))
  if (id.length > maxIdBytes || encoder.encode(id).length > maxIdBytes) {
    return Either.left(new InvalidKey({ reason: "TooLong", prefix }))
  }
  const problem = characterProblem(id)
  if (problem !== undefined) return Either.left(new InvalidKey({ reason: problem, prefix }))
  return Either.right(`${prefix}:${/[{}%:]/.test(id) ? id.replace(/[{}%:]/g, encodeURIComponent) : id}`)
}

/**
 * Returns the id of a key that `make` has built with this prefix.
 *
 * @since 0.1.0
 * @category getters
 */
export const idOf = (prefix: string, key: string): string => {
  const id = key.slice(prefix.length + 1)
  return id.includes("%") ? id.replace(/%(7B|7D|25|3A)/g, decodeURIComponent) : id
}

/**
 * The name of a key that belongs to another one and lives in the same slot: `{key}:suffix`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const auxiliary = (key: string, suffix: string): string => `{${key}}:${suffix}`

/**
 * The part of a key that decides its slot in a cluster: what stands between the first `{` and the next `}`, or the whole key
 * where that is empty. Keys with the same part share a slot.
 *
 * @since 0.2.0
 * @category getters
 */
export const hashTag = (key: string): string => {
  const open = key.indexOf("{")
  if (open === -1) return key
  const close = key.indexOf("}", open + 1)
  return close <= open + 1 ? key : key.slice(open + 1, close)
}

/**
 * Escapes a text as a glob pattern that matches only the text.
 *
 * @since 0.1.0
 * @category utils
 */
export const escapeGlob = (text: string): string => text.replace(/[\\*?[\]^-]/g, "\\$&")

/**
 * What a key prefix must be; undefined when the text can be one.
 *
 * @since 0.2.0
 * @category getters
 */
export const prefixProblem = (prefix: string): string | undefined => {
  if (/[{}]/.test(prefix)) return "a text without braces, which would put all keys into one slot of a cluster"
  return characterProblem(prefix) === undefined ? undefined : "well-formed Unicode text without control characters"
}
