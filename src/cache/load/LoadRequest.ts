/**
 * What a load is asked for, and what it answers.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type { RedisError } from "../../redis/RedisError.js"
import type * as CacheEntry from "../entry/CacheEntry.js"
import type { ReadFailure } from "../invalidation/outage/ReadFailure.js"
import type * as LoadGraph from "../lookup/LoadGraph.js"
import type { Lookup, LookupOverloaded, LookupTimeout } from "../lookup/LookupRunner.js"
import type { NewEntry } from "../lookup/Source.js"
import type { Completed } from "./Flight.js"

/**
 * An entry and where it came from.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoadResult<out A> {
  readonly entry: CacheEntry.CacheEntry<A>
  /** `Local` where another load of this process has stored it meanwhile; `Stale` where neither Redis nor the lookup answered */
  readonly source: "Local" | "Redis" | "Lookup" | "Degraded" | "Stale"
  /** why Redis was not used; present when the source is `Degraded` or `Stale` */
  readonly reason: string | undefined
  /** why the lookup failed; present when the source is `Stale` */
  readonly lookupReason?: string | undefined
}

/**
 * The result of a lookup that no tier keeps for late callers.
 *
 * @since 0.2.0
 * @category constructors
 */
export const lookupResult = <A>(entry: CacheEntry.CacheEntry<A>, joinedBefore: number): Completed<LoadResult<A>> => ({
  value: { entry, source: "Lookup", reason: undefined },
  joinedBefore
})

/**
 * The failures of a load. It fails with a `RedisError` only where `onUnavailable` is `fail`.
 *
 * @since 0.1.0
 * @category errors
 */
export type LoadError<E> = E | LoadGraph.LookupCycle | LookupOverloaded | LookupTimeout | RedisError

/**
 * The source of one key's value.
 *
 * @since 0.1.0
 * @category models
 */
export interface ValueSource<A, E> {
  /** Looks up the value and its attributes. `previous` is the cached entry, if it may still be served. */
  readonly lookup: (
    previous: CacheEntry.CacheEntry<A> | undefined,
    lookup: Lookup
  ) => Effect.Effect<NewEntry<A>, E | LookupTimeout>
}

/**
 * What a load must improve on.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoadRequest<A> {
  /** An entry created then or before is not accepted. */
  readonly newerThan: number
  /** The failure of the caller's read. The load then skips Redis: a read costs one timeout, not several. */
  readonly failure?: ReadFailure | undefined
  /** The caller accepts no value that was created then or before, whichever flight has it. */
  readonly bound: number
  /** The trusted entry that the load refreshes. */
  readonly previous?: CacheEntry.CacheEntry<A> | undefined
}
