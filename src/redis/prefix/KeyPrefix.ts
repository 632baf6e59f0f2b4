/**
 * How a prefix stands in keys, channels and patterns, and how it is taken away from what the server replies.
 *
 * It stands at the start of a key, or behind the first brace where the key starts with one. So the tag of `{user:1}:lease` is
 * still the whole key `user:1`, and both stay in one slot of a cluster.
 *
 * @internal
 */
import * as Glob from "../commands/Glob.js"
import type { RedisArgument } from "../RedisConnection.js"
import * as RedisKey from "../RedisKey.js"

/** A pattern as the server gets it, and whether a key that it finds, without its prefix, is one that was asked for. */
export interface PrefixedPattern {
  readonly sent: string
  readonly matches: (key: string) => boolean
}

export interface KeyPrefix {
  readonly key: (key: string) => string
  readonly keyArgument: (key: RedisArgument) => RedisArgument
  /** Takes the prefix from a key. Undefined for a key without it, which belongs to somebody else. */
  readonly withoutPrefix: (key: string) => string | undefined
  readonly channel: (channel: string) => string
  readonly channelArgument: (channel: RedisArgument) => RedisArgument
  readonly pattern: (pattern: string) => PrefixedPattern
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const textOf = (argument: RedisArgument): string =>
  typeof argument === "string" ? argument : typeof argument === "number" ? String(argument) : decoder.decode(argument)

/** The bytes of a text as characters, as a glob counts them. */
const byteString = (text: string): string => String.fromCharCode(...encoder.encode(text))

const openingBrace = 0x7b

const joinBytes = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const everything = () => true

export const make = (prefix: string): KeyPrefix => {
  const bytes = encoder.encode(prefix)
  const braced = `{${prefix}`
  const escaped = RedisKey.escapeGlob(prefix)
  const key = (text: string): string => (text.startsWith("{") ? braced + text.slice(1) : prefix + text)
  const withoutPrefix = (text: string): string | undefined => {
    if (text.startsWith(prefix)) return text.slice(prefix.length)
    return text.startsWith(braced) ? `{${text.slice(braced.length)}` : undefined
  }
  return {
    key,
    keyArgument: (argument) => {
      if (!(argument instanceof Uint8Array)) return key(textOf(argument))
      return argument[0] === openingBrace
        ? joinBytes(argument.subarray(0, 1), bytes, argument.subarray(1))
        : joinBytes(bytes, argument)
    },
    withoutPrefix,
    channel: (text) => prefix + text,
    channelArgument: (argument) =>
      argument instanceof Uint8Array ? joinBytes(bytes, argument) : prefix + textOf(argument),
    pattern: (pattern) => {
      const literalBrace = /^\\?\{/.exec(pattern)?.[0]
      if (literalBrace !== undefined) {
        return { sent: `{${escaped}${pattern.slice(literalBrace.length)}`, matches: everything }
      }
      if (!/^[*?[]/.test(pattern)) return { sent: escaped + pattern, matches: everything }
      // it can match keys with the prefix in either place, and no one pattern says so
      const matches = Glob.compile(byteString(pattern))
      return { sent: `*${escaped}*`, matches: (key) => matches(byteString(key)) }
    }
  }
}
