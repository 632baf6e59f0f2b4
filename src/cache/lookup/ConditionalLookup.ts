/**
 * Lookups that see what the cache holds already, and may answer that it has not changed: the conditional requests of
 * HTTP (RFC 9110, section 13) for any origin.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * What the cache holds of a key while it looks it up again.
 *
 * @since 0.1.0
 * @category models
 */
export interface Previous<out A> {
  readonly value: A
  /** what its lookup called this version; undefined when it gave it no name */
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
 * The answer of a lookup that the previous value still holds: it counts as looked up now.
 *
 * @since 0.1.0
 * @category constructors
 */
export const notModified = new NotModified()

/**
 * A value with the name of its version, such as an entity tag, a row's version or the time of its last change.
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
 * The answer of a lookup that names the version of its value, which the next lookup of the key is then told.
 *
 * @since 0.1.0
 * @category constructors
 */
export const versioned = <A>(value: A, versionTag: string): Versioned<A> => new Versioned(value, versionTag)
