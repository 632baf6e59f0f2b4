/**
 * What one call may demand of the value that it reads: that it is young, and that it does not come from the memory of the process.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import { noBound } from "../tiers/TierRead.js"

/**
 * The options of one read. Everything else belongs to the cache, so that all callers of a key get the same value.
 *
 * @since 0.2.0
 * @category models
 */
export interface ReadOptions {
  /**
   * Accepts a value that was looked up or set within this time before the call. An older one is looked up, once for all callers
   * that accept it no longer, and stored for everyone. Where that lookup fails, the call fails. Default: no bound.
   */
  readonly maxAge?: Duration.DurationInput | undefined
  /** `false` reads what is behind the memory of the process, and keeps there what it finds: default `true` */
  readonly local?: boolean | undefined
}

/**
 * The options of one read, checked.
 *
 * @since 0.2.0
 * @category models
 */
export interface ReadBound {
  /** in milliseconds; Infinity without a bound */
  readonly maxAgeMillis: number
  readonly usesLocal: boolean
}

/**
 * Checks the options of a read. Undefined where the call sets none, and where a caller such as `Effect.forEach` passes the place
 * of a key in their stead. Throws for a time that cannot be right. Behind the memory of `onlyLocal` there is the source.
 *
 * @since 0.2.0
 * @category constructors
 */
export const of = (call: string, options: ReadOptions | undefined, onlyLocal: boolean): ReadBound | undefined => {
  if (typeof options !== "object" || options === null) return undefined
  const maxAge = OptionCheck.make(call).duration("maxAge", options.maxAge, { infinite: true })
  const usesLocal = options.local !== false
  if (maxAge === undefined && usesLocal) return undefined
  if (!usesLocal && onlyLocal) return { maxAgeMillis: 0, usesLocal }
  return { maxAgeMillis: maxAge === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(maxAge), usesLocal }
}

/** Every entry that is there is too old. An estimate of the server's time that lags would take one for a new one. */
const onlyNew = Number.MAX_SAFE_INTEGER

/**
 * The time of creation that is too old for a call that begins now: then or before. Both are times of the server in milliseconds.
 *
 * @since 0.2.0
 * @category getters
 */
export const newerThan = (bound: ReadBound | undefined, serverTime: number): number => {
  if (bound === undefined || bound.maxAgeMillis === Number.POSITIVE_INFINITY) return noBound
  if (bound.maxAgeMillis === 0) return onlyNew
  // the server compares whole numbers
  return Math.max(0, Math.ceil(serverTime - bound.maxAgeMillis))
}
