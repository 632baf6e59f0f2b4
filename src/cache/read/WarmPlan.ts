/**
 * Plans the warming of keys: which are fresh in Redis, which must be loaded, and which cannot be read.
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CacheKey } from "../entry/CacheKey.js"
import type { ReadFailure } from "../invalidation/outage/ReadFailure.js"
import type { LoadError, LoadRequest, ValueSource } from "../load/LoadRequest.js"
import type { LocalTier } from "../tiers/LocalTier.js"
import { freshOf, noBound, type Started, type TierResult, type ValueTier } from "../tiers/TierRead.js"
import type { CacheResult } from "./CacheResult.js"

/**
 * The plan for one key: nothing, a load, or waiting until Redis can be read.
 *
 * @since 0.1.0
 * @category models
 */
export type WarmPlan<A, E> =
  | { readonly _tag: "Fresh" }
  | { readonly _tag: "Absent"; readonly load: Effect.Effect<CacheResult<A>, LoadError<E>> }
  | { readonly _tag: "Unavailable"; readonly failure: ReadFailure }

/**
 * Plans several keys, all different, with one read of Redis. The plans are in the order of the keys.
 *
 * @since 0.1.0
 * @category models
 */
export type PlanMany<A, E> = (
  keys: ReadonlyArray<CacheKey>,
  sources: ReadonlyArray<ValueSource<A, E>>
) => Effect.Effect<ReadonlyArray<WarmPlan<A, E>>>

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: {
  readonly tier: ValueTier<A>
  readonly local: Pick<LocalTier<A>, "keep" | "start">
  readonly load: (
    key: CacheKey,
    source: ValueSource<A, E>,
    seen: LoadRequest<A>
  ) => Effect.Effect<CacheResult<A>, LoadError<E>>
}): PlanMany<A, E> => {
  const { load, local, tier } = options

  const plan = (key: CacheKey, source: ValueSource<A, E>, started: Started, result: TierResult<A>): WarmPlan<A, E> => {
    if (result._tag === "Failed") {
      return Either.match(Cause.failureOrCause(result.cause), {
        onLeft: (failure): WarmPlan<A, E> => ({ _tag: "Unavailable", failure }),
        onRight: (cause) => ({ _tag: "Absent", load: Effect.failCause(cause) })
      })
    }
    const { createdAt, entry, trusted } = result
    const fresh = freshOf(result)
    if (fresh === undefined) {
      const previous = trusted ? entry : undefined
      return { _tag: "Absent", load: load(key, source, { newerThan: createdAt, bound: noBound, previous }) }
    }
    local.keep(key, fresh, started, result.text ?? "")
    return { _tag: "Fresh" }
  }

  return (keys, sources) =>
    Effect.suspend(() => {
      const starts = keys.map(local.start)
      return Effect.map(tier.readMany(keys), (results) =>
        Array.zipWith(Array.zip(keys, sources), Array.zip(starts, results), ([key, source], [started, result]) =>
          plan(key, source, started, result)
        )
      )
    })
}
