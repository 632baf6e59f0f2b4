/**
 * Converts what a cache holds to what it stores under a key, and back: a value, or a cached error in its place.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Eager from "../../internal/effect/Eager.js"
import { type CacheCodec, CacheCodecError } from "./CacheCodec.js"
import type { Attributes, Content, StoredEntry } from "./CacheEntry.js"
import type { Versions } from "./Migration.js"

/**
 * Encodes and decodes the content of entries.
 *
 * Both functions answer an `Exit` where no other effect is needed. They fail with `CacheCodecError`: `encode` when the
 * value cannot be stored, `decode` when the stored content is no such value. A read counts the latter as a miss.
 *
 * @since 0.1.0
 * @category models
 */
export interface EntryCodec<A> {
  readonly encode: (key: string, value: A, attributes: Attributes) => Effect.Effect<Content, CacheCodecError>
  readonly decode: (key: string, entry: StoredEntry) => Effect.Effect<A, CacheCodecError>
}

/**
 * The content to store for a value; undefined when it must not be stored. A value without a time to live is not stored.
 * A value that does not encode is reported to `notStored`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const storable = <A>(
  codec: EntryCodec<A>,
  notStored: (why: string, thrown: unknown, key: string) => Effect.Effect<void>,
  key: string,
  written: Attributes & { readonly value: A }
): Effect.Effect<Content | undefined> => {
  // written this way round, so that NaN is no time to live either
  if (!(written.timeToLive >= 1)) return Exit.succeed(undefined)
  const encoded = codec.encode(key, written.value, written)
  return Eager.isExit(encoded) && Exit.isSuccess(encoded)
    ? Exit.succeed(encoded.value)
    : Effect.catchAll(encoded, ({ cause, message }) => Effect.as(notStored(message, cause, key), undefined))
}

const noValue = Exit.fail(new CacheCodecError({ operation: "Decode", path: "" }))

/**
 * Encodes values in their only version. A cached error does not decode: another program stored it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const values = <A>(codec: CacheCodec<A>): EntryCodec<A> => versioned(codec, { version: 1, migrations: {} })

/**
 * Encodes values in one version, and decodes those of other versions by their migrations. A version without a migration
 * does not decode.
 *
 * @since 0.1.0
 * @category constructors
 */
export const versioned = <A>(codec: CacheCodec<A>, { migrations, version }: Versions<A>): EntryCodec<A> => ({
  encode: (_key, value) =>
    Eager.map(codec.encode(value), (text): Content => ({ kind: "value", version, encoding: undefined, text })),
  decode: (_key, { content }) => {
    if (content.kind !== "value") return noValue
    if (content.version === version) return codec.decode(content.text)
    return migrations[content.version]?.decode(content.text) ?? noValue
  }
})

/**
 * Encodes and decodes nothing: every stored content is a miss.
 *
 * @since 0.1.0
 * @category constructors
 */
export const nothing = <A>(): EntryCodec<A> => ({
  encode: () => Exit.fail(new CacheCodecError({ operation: "Encode", path: "" })),
  decode: () => noValue
})

/**
 * A lookup's error that is cached in place of a value.
 *
 * @since 0.1.0
 * @category models
 */
export class CachedError<out E> {
  constructor(readonly error: E) {}
}

/**
 * Encodes values, and cached errors in their place.
 *
 * @since 0.1.0
 * @category constructors
 */
export const outcomes = <A, E>(codec: EntryCodec<A>, errors: EntryCodec<E>): EntryCodec<A | CachedError<E>> => ({
  encode: (key, outcome, attributes) =>
    outcome instanceof CachedError
      ? Eager.map(errors.encode(key, outcome.error, attributes), (content) => ({ ...content, kind: "error" }))
      : codec.encode(key, outcome, attributes),
  decode: (key, entry) =>
    entry.content.kind === "value"
      ? codec.decode(key, entry)
      : Eager.map(
          errors.decode(key, { ...entry, content: { ...entry.content, kind: "value" } }),
          (error) => new CachedError(error)
        )
})
