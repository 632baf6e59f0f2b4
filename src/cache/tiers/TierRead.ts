/**
 * What the shared tier is asked and answers.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { ReadFailure } from "../invalidation/ReadFailure.js"

/**
 * When Redis was asked for a key, in milliseconds, and the key's epoch then.
 *
 * @since 0.1.0
 * @category models
 */
export interface Started {
  readonly at: number
  readonly epoch: number
}

/**
 * What Redis holds under a key, and whether this process knows nothing that speaks against it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found<out A> {
  readonly _tag: "Found"
  /** none also when the stored text does not decode */
  readonly entry: CacheEntry.CacheEntry<A> | undefined
  /** when what is stored was born, decodable or not; 0 when there is nothing */
  readonly createdAt: number
  /** what is stored, undecoded */
  readonly text: string | undefined
  /** whether nothing speaks against the entry */
  readonly trusted: boolean
  /** the server's time when it was answered, in milliseconds */
  readonly serverTime: number
}

/**
 * What becomes of a question: what Redis holds, or why nobody can say.
 *
 * @since 0.1.0
 * @category models
 */
export type TierResult<A> = Found<A> | { readonly _tag: "Failed"; readonly cause: Cause.Cause<ReadFailure> }

/**
 * The entry of a hit: nothing speaks against it, and its time to live has not passed.
 *
 * @since 0.1.0
 * @category getters
 */
export const freshOf = <A>(answer: TierResult<A>): CacheEntry.CacheEntry<A> | undefined => {
  if (answer._tag !== "Found" || answer.entry === undefined || !answer.trusted) return undefined
  return CacheEntry.isFresh(answer.entry, answer.serverTime) ? answer.entry : undefined
}

/**
 * Who asks: told once, of each key by the number that he has given it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReadListener<in A> {
  readonly onResult: (answer: TierResult<A>, number: number) => void
}
