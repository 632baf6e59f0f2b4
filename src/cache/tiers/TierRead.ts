/**
 * What the shared tier is asked and answers.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { Unread } from "../invalidation/Invalidation.js"

/**
 * When Redis was asked for a key, in milliseconds, and the key's epoch then.
 *
 * @since 0.1.0
 * @category models
 */
export interface Asked {
  readonly at: number
  readonly epoch: number
}

/**
 * What Redis holds under a key, and whether this process knows nothing that speaks against it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Readable<out A> {
  readonly _tag: "Readable"
  /** none also when the stored text does not decode */
  readonly entry: CacheEntry.CacheEntry<A> | undefined
  /** when what is stored was born, decodable or not; 0 when there is nothing */
  readonly created: number
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
export type Answer<A> = Readable<A> | { readonly _tag: "Unanswered"; readonly cause: Cause.Cause<Unread> }

/**
 * The entry of a hit: nothing speaks against it, and its time to live has not passed.
 *
 * @since 0.1.0
 * @category getters
 */
export const freshOf = <A>(answer: Answer<A>): CacheEntry.CacheEntry<A> | undefined => {
  if (answer._tag !== "Readable" || answer.entry === undefined || !answer.trusted) return undefined
  return CacheEntry.isFresh(answer.entry, answer.serverTime) ? answer.entry : undefined
}

/**
 * Who asks: told once, of each key by the number that he has given it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Asker<in A> {
  readonly answered: (answer: Answer<A>, number: number) => void
}
