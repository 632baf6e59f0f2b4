/**
 * The tokens of a holder. One proves to Redis that it owns the lock, the other proves to other stores that it is the latest.
 *
 * @since 0.1.0
 */
import * as Brand from "effect/Brand"
import * as Schema from "effect/Schema"

/**
 * The token that proves to Redis that a lock is one's own.
 *
 * @since 0.1.0
 * @category models
 */
export const LockToken = Schema.NonEmptyString.pipe(Schema.brand("LockToken"))

/**
 * @since 0.1.0
 * @category models
 */
export type LockToken = typeof LockToken.Type

/**
 * A number that grows with each holder of a lock. The store behind the lock keeps the greatest token that it has seen, and
 * rejects smaller ones. So a holder that was paused and lost its lock overwrites nothing.
 *
 * @since 0.1.0
 * @category models
 */
export const FencingToken = Schema.Positive.pipe(Schema.int(), Schema.brand("FencingToken"))

/**
 * @since 0.1.0
 * @category models
 */
export type FencingToken = typeof FencingToken.Type

/**
 * Makes a token that no other caller has, and that no other caller can guess.
 *
 * @since 0.1.0
 * @category constructors
 */
export const random = (): LockToken => uncheckedToken(crypto.randomUUID())

// the check of a schema costs more than the random number
const uncheckedToken = Brand.nominal<LockToken>()

/**
 * The fencing token of a reply whose schema has checked it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const fencingToken: (fence: number) => FencingToken = Brand.nominal<FencingToken>()
