/**
 * Conditional lookups: a lookup receives the cached value, and may answer that it has not changed. The conditional requests
 * of HTTP (RFC 9110, section 13), for any source.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * The cached value of a key, as its next lookup receives it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Previous<out A> {
  readonly value: A
  /** The version that the lookup named with `versioned`; undefined without one. */
  readonly versionTag: string | undefined
  readonly age: Duration.Duration
}

/**
 * @since 0.1.0
 * @category models
 */
export class NotModified {
  readonly _tag = "NotModified"
}

/**
 * Answers that the previous value is still current. Its time to live starts again.
 *
 * @since 0.1.0
 * @category constructors
 */
export const notModified = new NotModified()

/**
 * A value and the name of its version, such as an entity tag, a row's version or the time of its last change.
 *
 * @since 0.1.0
 * @category models
 */
export class Versioned<out A> {
  readonly _tag = "Versioned"
  constructor(
    readonly value: A,
    readonly versionTag: string
  ) {}
}

/**
 * Answers a value and names its version. The next lookup of the key receives both.
 *
 * @since 0.1.0
 * @category constructors
 */
export const versioned = <A>(value: A, versionTag: string): Versioned<A> => new Versioned(value, versionTag)

/**
 * The answer of a lookup.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer<Value> = Value | Versioned<Value> | NotModified
