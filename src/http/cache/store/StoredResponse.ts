/**
 * What is stored of a response, and what is stored in place of one that varies.
 *
 * @since 0.2.0
 */
import * as Encoding from "effect/Encoding"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** The content: UTF-8 as text behind `u`, which JSON keeps short, and other bytes as Base64 behind `b`. */
const Content = Schema.transformOrFail(Schema.String, Schema.Uint8ArrayFromSelf, {
  strict: true,
  encode: (bytes) => {
    const text = textOf(bytes)
    return ParseResult.succeed(text === undefined ? `b${Encoding.encodeBase64(bytes)}` : `u${text}`)
  },
  decode: (stored, _, ast) => {
    if (stored.startsWith("u")) return ParseResult.succeed(encoder.encode(stored.slice(1)))
    return ParseResult.mapError(
      Encoding.decodeBase64(stored.slice(1)),
      ({ message }) => new ParseResult.Type(ast, stored, message)
    )
  }
})

const FreshnessFields = Schema.Struct({
  initialAge: Schema.Number,
  lifetime: Schema.Number,
  staleWhileRevalidate: Schema.Number,
  staleIfError: Schema.Number,
  noCache: Schema.Boolean,
  mustRevalidate: Schema.Boolean
})

/**
 * A response that answers requests.
 *
 * @since 0.2.0
 * @category models
 */
export const StoredResponse = Schema.TaggedStruct("Response", {
  status: Schema.Number,
  /** names in lower case, without those of the connection */
  fields: Schema.Record({ key: Schema.String, value: Schema.String }),
  /** the values of `Set-Cookie`, where they are stored */
  cookies: Schema.Array(Schema.String),
  content: Content,
  freshness: FreshnessFields,
  tags: Schema.Array(Schema.String)
})

/**
 * @since 0.2.0
 * @category models
 */
export type StoredResponse = typeof StoredResponse.Type

/**
 * Stands under the key of a URL whose responses vary. Its `generation` is part of the keys of the variants. So a variant that
 * was stored beside an invalidation is never found: the invalidation also removes the index that names its generation.
 *
 * @since 0.2.0
 * @category models
 */
export const VaryIndex = Schema.TaggedStruct("VaryIndex", {
  /** the names of the selecting request fields, sorted */
  names: Schema.Array(Schema.String),
  generation: Schema.String,
  /** how long it is kept, in seconds */
  lifetime: Schema.Number,
  tags: Schema.Array(Schema.String)
})

/**
 * @since 0.2.0
 * @category models
 */
export type VaryIndex = typeof VaryIndex.Type

/**
 * @since 0.2.0
 * @category models
 */
export const Stored = Schema.Union(StoredResponse, VaryIndex)

/**
 * @since 0.2.0
 * @category models
 */
export type Stored = typeof Stored.Type
