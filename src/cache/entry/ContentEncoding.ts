/**
 * Compresses and then encrypts a value's JSON before it is stored. The result is stored as base64 in place of the JSON.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Eager from "../../internal/effect/Eager.js"
import { CacheCodecError } from "./CacheCodec.js"
import type { Attributes, Content, Encoding, StoredEntry } from "./CacheEntry.js"
import * as Compression from "./Compression.js"
import type { Encryption } from "./Encryption.js"
import type { EntryCodec } from "./EntryCodec.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ContentEncodingOptions {
  /** for writes; reads accept compressed and plain content in any case */
  readonly compression: Compression.Compression | undefined
  /** for writes and reads: plain content then does not decode */
  readonly encryption: Encryption | undefined
  /** in milliseconds */
  readonly serverTime: Effect.Effect<number>
}

/**
 * The server sets the creation time before the process encrypts. A later one is a forgery: an old value made young by an
 * intruder in Redis. The tolerance allows for the difference between the two clocks.
 */
const maxCreatedAfterMillis = 60_000

const timeBytes = 8

/** Binds a content to its key and attributes. The creation time is missing, since the server adds it after encryption. */
const associatedData = (
  key: string,
  { tags, timeToLive, versionTag }: Attributes,
  { kind, version }: Pick<Content, "kind" | "version">,
  { compression, keyId }: Encoding
): string =>
  JSON.stringify([
    key,
    kind,
    version,
    compression ?? null,
    keyId ?? null,
    Math.ceil(timeToLive),
    tags,
    versionTag ?? null
  ])

const base64 = /^"([A-Za-z0-9+/]+={0,2})"$/

const unreadable = Exit.fail(new CacheCodecError({ operation: "Decode", path: "" }))

/**
 * Wraps a codec: its contents are compressed and encrypted as the options say. Content that does not decompress or decrypt
 * fails with `CacheCodecError`. With encryption, so does plain content, and content that was encrypted for another key,
 * with other attributes or by an unknown encryption key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(
  codec: EntryCodec<A>,
  { compression, encryption, serverTime }: ContentEncodingOptions
): EntryCodec<A> => {
  /** Undefined where compression saves nothing. */
  const compressed = (json: Buffer): Effect.Effect<Buffer | undefined> =>
    compression === undefined || json.length <= compression.above
      ? Exit.succeed(undefined)
      : Effect.map(Compression.compress(json), (bytes) =>
          // base64 has four characters for three bytes, and encryption writes base64 in any case
          bytes !== undefined &&
          (encryption === undefined ? bytes.length * 4 < json.length * 3 : bytes.length < json.length)
            ? bytes
            : undefined
        )

  const sealed = (
    key: string,
    attributes: Attributes,
    content: Content,
    encoding: Encoding,
    { keyId, seal }: Encryption,
    bytes: Buffer
  ): Effect.Effect<Content> =>
    Effect.map(serverTime, (now) => {
      const time = Buffer.alloc(timeBytes)
      time.writeDoubleBE(now)
      const encrypted = seal([time, bytes], associatedData(key, attributes, content, { ...encoding, keyId }))
      return { ...content, encoding: { ...encoding, keyId }, text: `"${encrypted.toString("base64")}"` }
    })

  const encoded = (key: string, attributes: Attributes, content: Content): Effect.Effect<Content> => {
    const json = Buffer.from(content.text)
    return Eager.flatMap(compressed(json), (packed) => {
      const encoding: Encoding = { compression: packed === undefined ? undefined : "gzip", keyId: undefined }
      if (encryption !== undefined) return sealed(key, attributes, content, encoding, encryption, packed ?? json)
      return Exit.succeed(
        packed === undefined ? content : { ...content, encoding, text: `"${packed.toString("base64")}"` }
      )
    })
  }

  /** The bytes before encryption; undefined when they are not encrypted as the options and the entry say. */
  const opened = (key: string, entry: StoredEntry, encoding: Encoding, bytes: Buffer): Buffer | undefined => {
    if (encryption === undefined) return encoding.keyId === undefined ? bytes : undefined
    if (encoding.keyId === undefined) return undefined
    const plain = encryption.open(encoding.keyId, bytes, associatedData(key, entry, entry.content, encoding))
    if (plain === undefined || plain.length < timeBytes) return undefined
    return entry.createdAt <= plain.readDoubleBE(0) + maxCreatedAfterMillis ? plain.subarray(timeBytes) : undefined
  }

  const decoded = (key: string, entry: StoredEntry, encoding: Encoding): Effect.Effect<Content, CacheCodecError> => {
    const text = base64.exec(entry.content.text)?.[1]
    const packed = text === undefined ? undefined : opened(key, entry, encoding, Buffer.from(text, "base64"))
    if (packed === undefined) return unreadable
    const json = encoding.compression === undefined ? Exit.succeed(packed) : Compression.decompress(packed)
    return Eager.flatMap(json, (json) =>
      json === undefined ? unreadable : Exit.succeed({ ...entry.content, encoding: undefined, text: json.toString() })
    )
  }

  return {
    encode:
      compression === undefined && encryption === undefined
        ? codec.encode
        : (key, value, attributes) =>
            Eager.flatMap(codec.encode(key, value, attributes), (content) => encoded(key, attributes, content)),
    decode: (key, entry) => {
      const { encoding } = entry.content
      if (encoding === undefined) return encryption === undefined ? codec.decode(key, entry) : unreadable
      return Eager.flatMap(decoded(key, entry, encoding), (content) => codec.decode(key, { ...entry, content }))
    }
  }
}
