/**
 * Continues a read that found nothing fresh: serves a stale value while it is refreshed, or loads a new one (rules 1 to 3
 * of docs/protocol.md).
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { LoadError, Loader, LoadRequest, LoadResult, ValueSource } from "../load/Loader.js"
import type { SingleFlight } from "../load/SingleFlight.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import * as Transaction from "../lookup/Transaction.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import { causeOf, type Found, type TierResult } from "../tiers/TierRead.js"
import * as CacheResult from "./CacheResult.js"
import type { Refresher } from "./Refresher.js"

/**
 * @since 0.2.0
 * @category models
 */
export interface MissLoaderOptions<A, E> {
  /** the owner of the loads */
  readonly owner: LoadGraph.Load["owner"]
  /** the server's time by this process's estimate, in milliseconds */
  readonly serverTime: Effect.Effect<number>
  readonly loader: Loader<A, E>
  readonly flights: SingleFlight<LoadResult<A>, LoadError<E>>
  readonly refresher: Refresher<A, E>
  readonly invalidation: LocalInvalidation
  readonly observer: CacheObserver
  /** how long a value is stale after its time to live, in milliseconds */
  readonly staleMillis: (value: A) => number
  /** Reads the key from Redis once more, for a caller that joined `lateJoins` flights too late. */
  readonly readAgain: (
    key: CacheKey,
    source: ValueSource<A, E>,
    lateJoins: number
  ) => Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface MissLoader<A, E> {
  /** Continues a read whose result is no hit. `lateJoins` counts the flights that its caller joined too late. */
  readonly continue: (
    key: CacheKey,
    source: ValueSource<A, E>,
    result: TierResult<A>,
    lateJoins: number
  ) => Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>
  readonly load: (
    key: CacheKey,
    source: ValueSource<A, E>,
    request: LoadRequest<A>,
    lateJoins: number
  ) => Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>
  /** The stale entry of a result, if it may still be served. */
  readonly staleOf: (found: Found<A>) => CacheEntry.CacheEntry<A> | undefined
}

/**
 * A caller that joined this many flights too late loads alone, so that its read ends.
 *
 * @since 0.2.0
 * @category constants
 */
export const maxLateJoins = 2

/**
 * Runs an effect after a reply of Redis, and reports the reply where an outage precedes it.
 *
 * @since 0.2.0
 * @category combinators
 */
export const afterReply = <A, E>(observer: CacheObserver, next: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  observer.isRecovering() ? Effect.zipRight(observer.redisAnswered, next) : next

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = <A, E>(options: MissLoaderOptions<A, E>): MissLoader<A, E> => {
  const { flights, invalidation, loader, observer, owner, readAgain, refresher, staleMillis } = options

  const resultOf = ({ entry, reason, source }: LoadResult<A>): Effect.Effect<CacheResult.CacheResult<A>> => {
    if (source === "Degraded") observer.degraded()
    return Effect.map(options.serverTime, (now) => CacheResult.make(entry, source, now, reason))
  }

  const staleOf = ({ entry, serverTime, trusted }: Found<A>): CacheEntry.CacheEntry<A> | undefined =>
    entry !== undefined && trusted && CacheEntry.isStale(entry, serverTime, staleMillis(entry.value))
      ? entry
      : undefined

  const serveStale = (
    key: CacheKey,
    source: ValueSource<A, E>,
    entry: CacheEntry.CacheEntry<A>,
    serverTime: number
  ): Effect.Effect<CacheResult.CacheResult<A>> =>
    Effect.flatMap(
      refresher.refreshStale(key, source, entry),
      Option.match({
        onSome: resultOf,
        onNone: () =>
          Effect.sync(() => {
            observer.stale(key.text)
            return CacheResult.make(entry, "Stale", serverTime)
          })
      })
    )

  const load: MissLoader<A, E>["load"] = (key, source, request, lateJoins) =>
    Effect.withFiberRuntime((caller) =>
      Transaction.isIn(caller)
        ? Effect.flatMap(loadAlone(LoadGraph.of(caller), key, source, request), resultOf)
        : Effect.flatMap(
            // the epoch is taken when the load starts, which may be long after the read
            flights.load(key.text, invalidation.epochOf(key.text), loader.load(key, source, request), {
              alone: lateJoins >= maxLateJoins
            }),
            ({ joined, late, value }) => {
              if (!late) {
                if (joined || value.source === "Redis") observer.lookupSaved()
                return resultOf(value)
              }
              // a caller whose read failed does not wait for Redis a second time
              return request.failure ? load(key, source, request, lateJoins + 1) : readAgain(key, source, lateJoins + 1)
            }
          )
    )

  const loadAlone = (
    from: LoadGraph.Load | undefined,
    { text }: CacheKey,
    source: ValueSource<A, E>,
    request: LoadRequest<A>
  ) =>
    LoadGraph.cycle(from, owner, text) ??
    LoadGraph.within(new LoadGraph.Load(owner, text, true))(loader.loadAlone(text, source, request))

  const staleOrLoaded = (key: CacheKey, source: ValueSource<A, E>, found: Found<A>, lateJoins: number) =>
    Effect.suspend(() => {
      const stale = staleOf(found)
      if (stale !== undefined) return serveStale(key, source, stale, found.serverTime)
      observer.miss(key.text, causeOf(found))
      return load(key, source, { newerThan: found.createdAt }, lateJoins)
    })

  return {
    continue: (key, source, result, lateJoins) =>
      result._tag === "Found"
        ? afterReply(observer, staleOrLoaded(key, source, result, lateJoins))
        : Either.match(Cause.failureOrCause(result.cause), {
            onLeft: (failure) => load(key, source, { newerThan: 0, failure }, lateJoins),
            onRight: Exit.failCause
          }),
    load,
    staleOf
  }
}
