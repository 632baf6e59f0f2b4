/**
 * What this process remembers of a value that neither Redis nor the lookup can give (rule 10 of docs/protocol.md).
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import type { CacheKey } from "../entry/CacheKey.js"
import type { LocalTier } from "../tiers/LocalTier.js"
import type { Completed } from "./Flight.js"
import type { LoadResult } from "./LoadRequest.js"

/** One word for a failed lookup: the tag or the name of its error. */
const failureName = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (Predicate.hasProperty(error, "_tag") && typeof error._tag === "string") return error._tag
  return error instanceof Error ? error.name : "Failure"
}

/**
 * The remembered value of a key, for every caller of its load: its epoch has not moved, since the write that moves it drops the
 * value. Undefined where there is none that was created after `bound`, and for an interrupted lookup.
 *
 * @since 0.2.0
 * @category getters
 */
export const recall = <A>(
  remembered: LocalTier<A>["remembered"],
  key: CacheKey,
  bound: number,
  reason: string,
  lookup: Cause.Cause<unknown>
): Completed<LoadResult<A>> | undefined => {
  const entry = Cause.isInterruptedOnly(lookup) ? undefined : remembered(key.name)
  if (entry === undefined || entry.createdAt <= bound) return undefined
  return {
    value: { entry, source: "Stale", reason, lookupReason: failureName(lookup) },
    joinedBefore: Number.POSITIVE_INFINITY
  }
}
