/**
 * Reads RESP2 and RESP3 from the chunks of a socket. It keeps its place within a reply, so that a long one is read once,
 * however many chunks it comes in.
 *
 * The format: https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md
 *
 * @internal
 */
import type { RedisReply } from "../../RedisConnection.js"

/** The bytes are no Redis protocol. */
export class ProtocolFault extends Error {
  override readonly name = "ProtocolFault"
}

/** An error reply, in the words of the server. */
export class ErrorReply extends Error {
  override readonly name = "ErrorReply"
}

/** A reply, or the bytes of a text that is wanted as it is. */
export type Parsed = RedisReply | Uint8Array | ErrorReply

export interface ReplyParserOptions {
  /** Receives each reply in turn. */
  readonly onReply: (reply: Parsed) => void
  /** Receives what the server sends of its own accord. */
  readonly onPush: (push: ReadonlyArray<RedisReply>) => void
  /** Whether the reply that begins now is wanted as bytes, if it is a text. */
  readonly isBinary: () => boolean
}

type Kind = "List" | "Map" | "Push" | "Attribute"

/** A list or map whose elements are being read. */
interface Aggregate {
  readonly kind: Kind
  /** elements that are still missing; a map has two for each field */
  missing: number
  readonly elements: Array<Parsed>
}

/** A text whose bytes are being read. */
interface Bulk {
  readonly type: number
  /** with the two bytes that end it */
  readonly length: number
  readonly chunks: Array<Buffer>
  received: number
}

const typeOf = (character: string): number => character.charCodeAt(0)

const text = typeOf("+")
const error = typeOf("-")
const integer = typeOf(":")
const bulk = typeOf("$")
const list = typeOf("*")
const nothing = typeOf("_")
const double = typeOf(",")
const boolean = typeOf("#")
const bulkError = typeOf("!")
const verbatim = typeOf("=")
const bigNumber = typeOf("(")
const map = typeOf("%")
const set = typeOf("~")
const push = typeOf(">")
const attribute = typeOf("|")

const carriageReturn = 13
const minus = typeOf("-")
const zero = typeOf("0")

/** No reply of a server is nested more deeply; the limit of Redis for the replies of scripts is lower. */
const maxDepth = 128

/** A line holds a number or one sentence. Longer ones come from something else than Redis. */
const maxLine = 65_536

/** The longest text that any server stores is 512 MiB; a setting can raise it. */
const maxBulk = 4_294_967_296

/** A verbatim text begins with its format, as in `txt:`. */
const formatLength = 4

const empty = Buffer.alloc(0)

const infinite = /^[+-]?inf/i

const numberOf = (words: string): number => {
  const value = Number(words)
  if (!Number.isNaN(value) || !infinite.test(words)) return value
  return words.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

const kindOf = (type: number): Kind | undefined => {
  switch (type) {
    case list:
    case set:
      return "List"
    case map:
      return "Map"
    case push:
      return "Push"
    case attribute:
      return "Attribute"
    default:
      return undefined
  }
}

const objectOf = (elements: ReadonlyArray<Parsed>): RedisReply => {
  const fields: Array<[string, RedisReply]> = []
  for (let i = 0; i < elements.length; i += 2) fields.push([String(elements[i]), elements[i + 1] as RedisReply])
  // defines each field, whatever its name is
  return Object.fromEntries(fields)
}

export class ReplyParser {
  /** the beginning of a line whose end is missing */
  private rest: Buffer = empty
  private bulk: Bulk | undefined
  private readonly open: Array<Aggregate> = []

  constructor(private readonly options: ReplyParserOptions) {}

  /** Reads a chunk, and throws a `ProtocolFault` where it cannot be a part of a reply. */
  read(chunk: Buffer): void {
    const buffer = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = this.bulk === undefined ? 0 : this.readBulk(this.bulk, buffer, 0)
    while (at < buffer.length) {
      const next = this.readValue(buffer, at)
      if (next === at) break
      at = next
    }
    this.rest = at >= buffer.length ? empty : buffer.subarray(at)
    if (this.rest.length > maxLine) throw new ProtocolFault("a line without an end")
  }

  /** Reads a value or the head of one, and returns the place behind it: `at` itself where its line is not complete. */
  private readValue(buffer: Buffer, at: number): number {
    const type = buffer[at]
    switch (type) {
      case bulk:
      case integer: {
        // by far the most frequent: read without a search for the end of the line
        const end = endOfDigits(buffer, at + 1)
        if (end < buffer.length && buffer[end] !== carriageReturn) throw new ProtocolFault("a number with other signs")
        if (end + 1 >= buffer.length) return at
        const value = wholeNumber(buffer, at + 1, end)
        if (type === bulk) return this.beginBulk(type, value, buffer, end + 2)
        this.complete(value)
        return end + 2
      }
      case undefined:
        return at
      default: {
        const end = buffer.indexOf(carriageReturn, at + 1)
        if (end === -1 || end + 1 >= buffer.length) {
          if (!isType(type)) throw unknownType(buffer, at)
          return at
        }
        return this.readLine(type, buffer, at, end)
      }
    }
  }

  private readLine(type: number, buffer: Buffer, at: number, end: number): number {
    const words = buffer.toString("utf8", at + 1, end)
    const next = end + 2
    switch (type) {
      case text:
        this.complete(words)
        return next
      case error:
        this.complete(new ErrorReply(words))
        return next
      case nothing:
        this.complete(null)
        return next
      case boolean:
        this.complete(words === "t")
        return next
      case double:
      case bigNumber:
        this.complete(numberOf(words))
        return next
      case bulkError:
      case verbatim:
        return this.beginBulk(type, lengthOf(words), buffer, next)
      default: {
        const kind = kindOf(type)
        if (kind === undefined) throw unknownType(buffer, at)
        this.beginAggregate(kind, lengthOf(words))
        return next
      }
    }
  }

  private beginAggregate(kind: Kind, length: number): void {
    const isOfPairs = kind === "Map" || kind === "Attribute"
    const aggregate: Aggregate = { kind, missing: isOfPairs ? length * 2 : length, elements: [] }
    if (length === -1) this.complete(null)
    else if (length === 0) this.completeAggregate(aggregate)
    else if (this.open.length < maxDepth) this.open.push(aggregate)
    else throw new ProtocolFault(`a reply nested more than ${maxDepth} times`)
  }

  private beginBulk(type: number, length: number, buffer: Buffer, at: number): number {
    if (length === -1) {
      this.complete(null)
      return at
    }
    if (length > maxBulk) throw new ProtocolFault(`a text of ${length} bytes`)
    const end = at + length
    if (end + 2 <= buffer.length) {
      this.completeBulk(type, buffer, at, end)
      return end + 2
    }
    this.bulk = { type, length: length + 2, chunks: [], received: 0 }
    return this.readBulk(this.bulk, buffer, at)
  }

  private readBulk(bulk: Bulk, buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + bulk.length - bulk.received)
    bulk.chunks.push(buffer.subarray(at, end))
    bulk.received += end - at
    if (bulk.received === bulk.length) {
      this.bulk = undefined
      this.completeBulk(bulk.type, Buffer.concat(bulk.chunks), 0, bulk.length - 2)
    }
    return end
  }

  private completeBulk(type: number, buffer: Buffer, at: number, end: number): void {
    if (buffer[end] !== carriageReturn) throw new ProtocolFault("a text that is longer than its length")
    if (type === bulkError) this.complete(new ErrorReply(buffer.toString("utf8", at, end)))
    else if (type === verbatim) this.complete(buffer.toString("utf8", Math.min(at + formatLength, end), end))
    else if (this.open.length === 0 && this.options.isBinary()) this.complete(new Uint8Array(buffer.subarray(at, end)))
    else this.complete(buffer.toString("utf8", at, end))
  }

  /** Puts a value where it belongs: into the innermost list or map that is open, or to the caller. */
  private complete(value: Parsed): void {
    const aggregate = this.open[this.open.length - 1]
    if (aggregate === undefined) {
      this.options.onReply(value)
      return
    }
    aggregate.elements.push(value)
    if (--aggregate.missing > 0) return
    this.open.pop()
    this.completeAggregate(aggregate)
  }

  private completeAggregate({ elements, kind }: Aggregate): void {
    // an error inside a list stays what it is, and no element of one is wanted as bytes
    const values = elements as ReadonlyArray<RedisReply>
    if (kind === "List") this.complete(values)
    else if (kind === "Map") this.complete(objectOf(elements))
    else if (kind === "Push") this.options.onPush(values)
    // an attribute describes the value behind it, which is read as if nothing had stood before it
  }
}

const isType = (type: number): boolean =>
  kindOf(type) !== undefined || [text, error, nothing, double, boolean, bulkError, verbatim, bigNumber].includes(type)

const unknownType = (buffer: Buffer, at: number): ProtocolFault =>
  new ProtocolFault(`a reply that begins with byte ${buffer[at]}`)

/** Where the digits end that begin here, perhaps with a sign. */
const endOfDigits = (buffer: Buffer, at: number): number => {
  let end = at
  for (let byte = buffer[end]; byte !== undefined && byte !== carriageReturn; byte = buffer[end]) {
    const isDigit = byte >= zero && byte <= zero + 9
    if (!isDigit && (byte !== minus || end !== at)) break
    end++
  }
  return end
}

/** So many digits are always an exact number. */
const exactDigits = 15

/** The number of the digits from `at` to `end`. */
const wholeNumber = (buffer: Buffer, at: number, end: number): number => {
  const isNegative = buffer[at] === minus
  const first = isNegative ? at + 1 : at
  if (first === end) throw new ProtocolFault("a number without digits")
  // larger ones are rounded to the nearest number, as JavaScript reads them
  if (end - first > exactDigits) return Number(buffer.toString("latin1", at, end))
  let value = 0
  for (let i = first; i < end; i++) value = value * 10 + ((buffer[i] ?? zero) - zero)
  return isNegative ? -value : value
}

const lengthOf = (words: string): number => {
  const length = Number(words)
  if (words === "" || !Number.isInteger(length) || length < -1) throw new ProtocolFault("a length that is no number")
  return length
}
