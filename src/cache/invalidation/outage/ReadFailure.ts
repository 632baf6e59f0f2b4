/**
 * The reason why a key was not read from Redis.
 *
 * @since 0.1.0
 */
import { type RedisError, RedisUnavailable } from "../../../redis/RedisError.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ReadFailure {
  readonly error: RedisError
  /** one word, for `CacheResult` and `Cache-Status` */
  readonly reason: string
  /** Redis may be available: only this key is not read. */
  readonly isPending: boolean
}

/**
 * The failure of a command.
 *
 * @since 0.1.0
 * @category constructors
 */
export const readFailureOf = (error: RedisError): ReadFailure => ({
  error,
  reason: error._tag === "RedisUnavailable" ? error.reason : error._tag,
  isPending: false
})

/**
 * A setting at run time has switched the cache off. Redis may be available, and has not failed.
 *
 * @since 0.2.0
 * @category constants
 */
export const switchedOff: ReadFailure = {
  error: new RedisUnavailable({ reason: "Disabled" }),
  reason: "SwitchedOff",
  isPending: true
}

/**
 * Redis has not acknowledged the key's invalidation yet, so that it may still hold the old value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const invalidationPending: ReadFailure = {
  error: new RedisUnavailable({ reason: "Disconnected" }),
  reason: "InvalidationPending",
  isPending: true
}
