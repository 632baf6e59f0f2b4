/**
 * What a cache stores under a key, and back: a value, or an error that is remembered in its place.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as CompiledDecoder from "../../internal/CompiledDecoder.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import { type CacheCodec, CacheCodecError } from "./CacheCodec.js"
import type { Attributes, Content, StoredEntry } from "./CacheEntry.js"
import type { Versions } from "./Migration.js"

/**
 * Both fail with `CacheCodecError`: `encode` when the value cannot be stored, `decode` when what is stored is no such
 * value, which is a miss.
 *
 * @since 0.1.0
 * @category models
 */
export interface EntryCodec<A> {
  readonly encode: (key: string, value: A, attributes: Attributes) => Effect.Effect<Content, CacheCodecError>
  /** What `encode` answers, where that takes no effect; undefined elsewhere. */
  readonly encodeNow: (key: string, value: A, attributes: Attributes) => Content | undefined
  readonly decode: (key: string, entry: StoredEntry) => Effect.Effect<A, CacheCodecError>
  /** What `decode` answers, where that takes no effect; `unfit` elsewhere. */
  readonly decodeNow: (key: string, entry: StoredEntry) => A | CompiledDecoder.Unfit
}

/**
 * What may be stored of a value; undefined, and a failed store, when it may not. Nothing is of a value without a time to
 * live.
 *
 * @since 0.1.0
 * @category combinators
 */
export const storable = <A>(
  codec: EntryCodec<A>,
  { notStored }: Pick<CacheObserver, "notStored">,
  key: string,
  written: Attributes & { readonly value: A }
): Effect.Effect<Content | undefined> => {
  // nor of one whose time to live is NaN
  if (!(written.timeToLive >= 1)) return Exit.succeed(undefined)
  const now = codec.encodeNow(key, written.value, written)
  return now !== undefined
    ? Exit.succeed(now)
    : Effect.matchEffect(codec.encode(key, written.value, written), {
        onSuccess: Exit.succeed,
        onFailure: ({ cause, message }) => Effect.as(notStored(message, cause, key), undefined)
      })
}

const noValue = new CacheCodecError({ operation: "Decode", path: "" })

/** What a codec's text is stored as. */
const contentOf = (text: string, version: number): Content => ({ kind: "value", version, encoding: undefined, text })

/**
 * Of values alone, in their only version: a remembered error, left by a program that remembers errors, is no value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const values = <A>(codec: CacheCodec<A>): EntryCodec<A> => versioned(codec, { version: 1, migrations: {} })

/**
 * Of values in several versions: those of another one than its own are read by its migrations, and fail where there is
 * none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const versioned = <A>(codec: CacheCodec<A>, { migrations, version }: Versions<A>): EntryCodec<A> => ({
  encode: (_key, value) => Effect.map(codec.encode(value), (text) => contentOf(text, version)),
  encodeNow: (_key, value) => {
    const text = codec.encodeNow(value)
    return text === undefined ? undefined : contentOf(text, version)
  },
  decode: (_key, { content }) => {
    if (content.kind !== "value") return Effect.fail(noValue)
    if (content.version === version) return codec.decode(content.text)
    const migration = migrations[content.version]
    return migration === undefined ? Effect.fail(noValue) : migration.decode(content.text)
  },
  decodeNow: (_key, { content }) =>
    content.kind === "value" && content.version === version ? codec.decodeNow(content.text) : CompiledDecoder.unfit
})

/**
 * Of nothing: everything is a miss.
 *
 * @since 0.1.0
 * @category constructors
 */
export const nothing = <A>(): EntryCodec<A> => ({
  encode: () => Effect.fail(new CacheCodecError({ operation: "Encode", path: "" })),
  encodeNow: () => undefined,
  decode: () => Effect.fail(noValue),
  decodeNow: () => CompiledDecoder.unfit
})

/**
 * An error of a lookup, in the place of a value.
 *
 * @since 0.1.0
 * @category models
 */
export class Remembered<out E> {
  constructor(readonly error: E) {}
}

/**
 * Of values, and of errors in their place.
 *
 * @since 0.1.0
 * @category constructors
 */
export const outcomes = <A, E>(codec: EntryCodec<A>, errors: EntryCodec<E>): EntryCodec<A | Remembered<E>> => ({
  encode: (key, outcome, attributes) =>
    outcome instanceof Remembered
      ? Effect.map(errors.encode(key, outcome.error, attributes), (content) => ({ ...content, kind: "error" }))
      : codec.encode(key, outcome, attributes),
  encodeNow: (key, outcome, attributes) =>
    outcome instanceof Remembered ? undefined : codec.encodeNow(key, outcome, attributes),
  decode: (key, entry) =>
    entry.content.kind === "value"
      ? codec.decode(key, entry)
      : Effect.map(
          errors.decode(key, { ...entry, content: { ...entry.content, kind: "value" } }),
          (error) => new Remembered(error)
        ),
  decodeNow: (key, entry) => (entry.content.kind === "value" ? codec.decodeNow(key, entry) : CompiledDecoder.unfit)
})
