/**
 * What a cache stores under a key, and back: a value, or an error that is remembered in its place.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type CacheCodec, CacheCodecError } from "./CacheCodec.js"
import type { Content } from "./CacheEntry.js"

/**
 * Both fail with `CacheCodecError`: `encode` when the value cannot be stored, `decode` when what is stored is no such
 * value, which is a miss.
 *
 * @since 0.1.0
 * @category models
 */
export interface EntryCodec<A> {
  readonly encode: (key: string, value: A) => Effect.Effect<Content, CacheCodecError>
  readonly decode: (key: string, content: Content) => Effect.Effect<A, CacheCodecError>
  /** What `decode` answers, where that takes no effect. */
  readonly decodeNow: (key: string, content: Content) => Option.Option<A>
}

const noValue = new CacheCodecError({ operation: "Decode", path: "" })

/**
 * Of values alone: a remembered error, left by a program that remembers errors, is no value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const values = <A>(codec: CacheCodec<A>): EntryCodec<A> => ({
  encode: (_key, value) => Effect.map(codec.encode(value), (text) => ({ kind: "value", version: 1, text })),
  decode: (_key, { kind, text }) => (kind === "value" ? codec.decode(text) : Effect.fail(noValue)),
  decodeNow: (_key, { kind, text }) => (kind === "value" ? codec.decodeNow(text) : Option.none())
})

/**
 * Of nothing: everything is a miss.
 *
 * @since 0.1.0
 * @category constructors
 */
export const nothing = <A>(): EntryCodec<A> => ({
  encode: () => Effect.fail(new CacheCodecError({ operation: "Encode", path: "" })),
  decode: () => Effect.fail(noValue),
  decodeNow: Option.none
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
  encode: (key, outcome) =>
    outcome instanceof Remembered
      ? Effect.map(errors.encode(key, outcome.error), (content) => ({ ...content, kind: "error" }))
      : codec.encode(key, outcome),
  decode: (key, content) =>
    content.kind === "value"
      ? codec.decode(key, content)
      : Effect.map(errors.decode(key, { ...content, kind: "value" }), (error) => new Remembered(error)),
  decodeNow: (key, content) => (content.kind === "value" ? codec.decodeNow(key, content) : Option.none())
})
