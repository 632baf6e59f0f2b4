/**
 * What becomes of a value's JSON before it is stored: compressed, then encrypted, or neither. What is either stands as
 * base64 in the place of the JSON.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as CompiledDecoder from "../../internal/CompiledDecoder.js"
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
  /** what is written; what is read may be compressed in any case */
  readonly compression: Compression.Compression | undefined
  /** with it, nothing is read that is not encrypted */
  readonly encryption: Encryption | undefined
  /** in milliseconds */
  readonly serverTime: Effect.Effect<number>
}

/**
 * An entry is born before it is encrypted, but for what the clocks of server and process differ. So whoever can write to
 * Redis cannot make an old value young.
 */
const maxBornAfterMillis = 60_000

const timeBytes = 8

/** All that is stored of an entry but its birth, which the server writes, and what is encrypted. */
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

const unreadable = new CacheCodecError({ operation: "Decode", path: "" })

/**
 * A codec whose contents are so encoded. What does not decompress or decrypt fails with `CacheCodecError`, as does with
 * encryption what was encrypted for another key or other attributes, by an unknown key, or not at all.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(
  codec: EntryCodec<A>,
  { compression, encryption, serverTime }: ContentEncodingOptions
): EntryCodec<A> => {
  /** Undefined where it is not worth it. */
  const compressed = (json: Buffer): Effect.Effect<Buffer | undefined> =>
    compression === undefined || json.length <= compression.above
      ? Effect.succeed(undefined)
      : Effect.map(Compression.compress(json), (bytes) =>
          // base64 has four characters for three bytes, and encryption writes it in any case
          bytes !== undefined &&
          (encryption === undefined ? bytes.length * 4 < json.length * 3 : bytes.length < json.length)
            ? bytes
            : undefined
        )

  const encoded = (key: string, attributes: Attributes, content: Content): Effect.Effect<Content> =>
    Effect.gen(function* () {
      const json = Buffer.from(content.text)
      const packed = yield* compressed(json)
      const encoding = { compression: packed === undefined ? undefined : "gzip", keyId: encryption?.keyId } as const
      if (encryption !== undefined) {
        const time = Buffer.alloc(timeBytes)
        time.writeDoubleBE(yield* serverTime)
        const sealed = encryption.seal([time, packed ?? json], associatedData(key, attributes, content, encoding))
        return { ...content, encoding, text: `"${sealed.toString("base64")}"` }
      }
      return packed === undefined ? content : { ...content, encoding, text: `"${packed.toString("base64")}"` }
    })

  /** The bytes that were encrypted; undefined when they were not, or not as what they stand for now. */
  const opened = (key: string, entry: StoredEntry, encoding: Encoding, bytes: Buffer): Buffer | undefined => {
    if (encryption === undefined) return encoding.keyId === undefined ? bytes : undefined
    if (encoding.keyId === undefined) return undefined
    const plain = encryption.open(encoding.keyId, bytes, associatedData(key, entry, entry.content, encoding))
    if (plain === undefined || plain.length < timeBytes) return undefined
    return entry.created <= plain.readDoubleBE(0) + maxBornAfterMillis ? plain.subarray(timeBytes) : undefined
  }

  const decoded = (key: string, entry: StoredEntry, encoding: Encoding): Effect.Effect<Content, CacheCodecError> =>
    Effect.suspend(() => {
      const text = base64.exec(entry.content.text)?.[1]
      const packed = text === undefined ? undefined : opened(key, entry, encoding, Buffer.from(text, "base64"))
      if (packed === undefined) return Effect.fail(unreadable)
      return Effect.flatMap(
        encoding.compression === undefined ? Effect.succeed(packed) : Compression.decompress(packed),
        (json) =>
          json === undefined
            ? Effect.fail(unreadable)
            : Effect.succeed({ ...entry.content, encoding: undefined, text: json.toString() })
      )
    })

  return {
    encode:
      compression === undefined && encryption === undefined
        ? codec.encode
        : (key, value, attributes) =>
            Effect.flatMap(codec.encode(key, value, attributes), (content) => encoded(key, attributes, content)),
    encodeNow: compression === undefined && encryption === undefined ? codec.encodeNow : () => undefined,
    decode: (key, entry) => {
      const { encoding } = entry.content
      if (encoding === undefined) return encryption === undefined ? codec.decode(key, entry) : Effect.fail(unreadable)
      return Effect.flatMap(decoded(key, entry, encoding), (content) => codec.decode(key, { ...entry, content }))
    },
    decodeNow: (key, entry) =>
      encryption === undefined && entry.content.encoding === undefined
        ? codec.decodeNow(key, entry)
        : CompiledDecoder.unfit
  }
}
