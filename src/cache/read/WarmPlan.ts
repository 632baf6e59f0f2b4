/**
 * What it takes that Redis holds fresh values of several keys: for warming, where nobody is served.
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CacheEntry } from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { ReadFailure } from "../invalidation/ReadFailure.js"
import type { LoadError, LoadRequest, ValueSource } from "../load/Loader.js"
import type { RedisTier } from "../tiers/RedisTier.js"
import { type Found, freshOf, type Started, type TierResult } from "../tiers/TierRead.js"
import type { CacheResult } from "./CacheResult.js"

/**
 * What it takes that Redis holds a fresh value: nothing, a load, or that it can be read.
 *
 * @since 0.1.0
 * @category models
 */
export type WarmPlan<A, E> =
  | { readonly _tag: "Fresh" }
  | { readonly _tag: "Absent"; readonly load: Effect.Effect<CacheResult<A>, LoadError<E>> }
  | { readonly _tag: "Unread"; readonly unread: ReadFailure }

/**
 * For each of several keys, all different, in their order. Redis is asked once.
 *
 * @since 0.1.0
 * @category models
 */
export type PlanMany<A, E> = (
  keys: ReadonlyArray<CacheKey>,
  origins: ReadonlyArray<ValueSource<A, E>>
) => Effect.Effect<ReadonlyArray<WarmPlan<A, E>>>

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: {
  readonly tier: RedisTier<A>
  readonly askedNow: (key: CacheKey) => Started
  readonly keepRead: (key: string, entry: CacheEntry<A>, asked: Started, found: Found<A>) => void
  readonly load: (
    key: CacheKey,
    origin: ValueSource<A, E>,
    seen: LoadRequest<A>
  ) => Effect.Effect<CacheResult<A>, LoadError<E>>
}): PlanMany<A, E> => {
  const { askedNow, keepRead, load, tier } = options

  const prepare = (key: CacheKey, origin: ValueSource<A, E>, asked: Started, answer: TierResult<A>): WarmPlan<A, E> => {
    if (answer._tag === "Failed") {
      return Either.match(Cause.failureOrCause(answer.cause), {
        onLeft: (unread): WarmPlan<A, E> => ({ _tag: "Unread", unread }),
        onRight: (cause) => ({ _tag: "Absent", load: Effect.failCause(cause) })
      })
    }
    const { createdAt, entry, trusted } = answer
    const fresh = freshOf(answer)
    if (fresh === undefined) {
      const previous = trusted ? entry : undefined
      return { _tag: "Absent", load: load(key, origin, { newerThan: createdAt, previous }) }
    }
    keepRead(key.text, fresh, asked, answer)
    return { _tag: "Fresh" }
  }

  return (keys, origins) =>
    Effect.suspend(() => {
      const asked = keys.map(askedNow)
      return Effect.map(tier.readMany(keys), (found) =>
        Array.zipWith(Array.zip(keys, origins), Array.zip(asked, found), ([key, origin], [asked, answer]) =>
          prepare(key, origin, asked, answer)
        )
      )
    })
}
