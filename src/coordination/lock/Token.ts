/**
 * What a holder can show: to Redis, that a lock is its own, and to everybody else, that it is the latest holder.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * What proves to Redis that a lock is one's own.
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
 * A number that is greater for each later holder of a lock. Whoever keeps what the lock protects remembers the greatest
 * one that it has seen and refuses smaller ones: so a holder that was paused, and does not know yet that it has lost the
 * lock, writes nothing over what the next one wrote.
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
 * A token that nobody else has.
 *
 * @since 0.1.0
 * @category constructors
 */
export const random: Effect.Effect<LockToken> = Effect.sync(() => LockToken.make(crypto.randomUUID()))
