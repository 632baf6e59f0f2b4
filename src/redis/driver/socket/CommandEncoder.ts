/**
 * Writes commands as RESP: a list of texts, each with its length in bytes.
 *
 * @internal
 */
import type { RedisArgument } from "../../RedisConnection.js"

const isBytes = (argument: RedisArgument): argument is Uint8Array => typeof argument === "object"

/** The heads of commands that were written before: a program sends few kinds of them. */
const heads = new Map<string, string>()

/** Beyond this number of kinds, names of commands come from outside and are not worth keeping. */
const maxHeads = 1_000

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`

/** The length of the list, and the command. */
const head = (command: string, length: number): string => {
  const kind = `${length} ${command}`
  const known = heads.get(kind)
  if (known !== undefined) return known
  const written = `*${length + 1}\r\n${bulk(command)}`
  if (heads.size < maxHeads) heads.set(kind, written)
  return written
}

/** Hands a command to `write`: as one text, unless it has bytes. */
export const encode = (
  command: string,
  args: ReadonlyArray<RedisArgument>,
  write: (part: string | Buffer) => void
): void => {
  let text = head(command, args.length)
  for (const argument of args) {
    if (isBytes(argument)) {
      write(`${text}$${argument.byteLength}\r\n`)
      write(Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength))
      text = "\r\n"
    } else {
      text += bulk(typeof argument === "string" ? argument : String(argument))
    }
  }
  write(text)
}
