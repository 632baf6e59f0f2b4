/**
 * The request and the result of a read from Redis.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { ReadFailure } from "../invalidation/outage/ReadFailure.js"
import type { MissCause } from "../observe/CacheObserver.js"

/**
 * When a read or a load of a key started, in milliseconds, and the key's epoch then.
 *
 * @since 0.1.0
 * @category models
 */
export interface Started {
  readonly at: number
  readonly epoch: number
}

/**
 * What Redis holds under a key, and whether this process trusts it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found<out A> {
  readonly _tag: "Found"
  /** undefined when nothing is stored, or the stored text does not decode */
  readonly entry: CacheEntry.CacheEntry<A> | undefined
  /** when the stored entry was created, decodable or not; 0 when nothing is stored */
  readonly createdAt: number
  /** the stored text */
  readonly text: string | undefined
  /** whether no marker, invalidation or outage makes the entry invalid */
  readonly trusted: boolean
  /** the server's time of the reply, in milliseconds */
  readonly serverTime: number
}

/**
 * The result of a read: what Redis holds, or why the read failed.
 *
 * @since 0.1.0
 * @category models
 */
export type TierResult<A> = Found<A> | { readonly _tag: "Failed"; readonly cause: Cause.Cause<ReadFailure> }

/**
 * The bound of a caller that accepts entries of any age: every entry was created after it.
 *
 * @since 0.2.0
 * @category constants
 */
export const noBound = -1

/**
 * The entry of a hit: trusted, fresh, and created after `newerThan`. Undefined for any other result.
 *
 * @since 0.1.0
 * @category getters
 */
export const freshOf = <A>(
  result: TierResult<A>,
  newerThan: number = noBound
): CacheEntry.CacheEntry<A> | undefined => {
  if (result._tag !== "Found" || result.entry === undefined || !result.trusted) return undefined
  if (result.entry.createdAt <= newerThan) return undefined
  return CacheEntry.isFresh(result.entry, result.serverTime) ? result.entry : undefined
}

/**
 * Why a result that is not served is a miss.
 *
 * @since 0.2.0
 * @category getters
 */
export const causeOf = ({ entry, text, trusted }: Found<unknown>): MissCause => {
  if (entry === undefined) return text === undefined ? "Absent" : "Undecodable"
  return trusted ? "Expired" : "Invalidated"
}

/**
 * The tier behind the local one: Redis, or in a cache of one process what its memory holds.
 *
 * @since 0.2.0
 * @category models
 */
export interface ValueTier<A> {
  /** Reads a key, and calls the listener once with the number: at once, or when Redis replies. */
  readonly readTo: (key: CacheKey, listener: ReadListener<A>, number: number) => void
  readonly read: (key: CacheKey) => Effect.Effect<Found<A>, ReadFailure>
  /** Reads several keys. The results are in the order of the keys. */
  readonly readMany: (keys: ReadonlyArray<CacheKey>) => Effect.Effect<ReadonlyArray<TierResult<A>>>
}

/**
 * Receives the result of each key that it reads, once, with the number that it gave the key.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReadListener<in A> {
  readonly onResult: (result: TierResult<A>, number: number) => void
}
