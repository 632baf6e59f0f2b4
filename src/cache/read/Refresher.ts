/**
 * Refreshes values in the background: stale ones, and fresh ones before they expire.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { LRUCache } from "lru-cache"
import * as SharedFibers from "../../internal/effect/SharedFibers.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as Stall from "../../internal/Stall.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { Loader } from "../load/Loader.js"
import type { LoadError, LoadResult, ValueSource } from "../load/LoadRequest.js"
import type { SingleFlight } from "../load/SingleFlight.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import { noBound } from "../tiers/TierRead.js"
import { isDue, type RefreshAhead } from "./RefreshAhead.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface RefresherOptions<A, E> {
  readonly loader: Loader<A, E>
  readonly flights: SingleFlight<LoadResult<A>, LoadError<E>>
  readonly invalidation: Pick<LocalInvalidation, "epochOf">
  readonly observer: CacheObserver
  readonly refreshAhead: RefreshAhead | undefined
  /** the mean time of a lookup, in milliseconds */
  readonly meanLookupMillis: () => number
  /** how long a caller waits for the refresh of a stale value before it is served stale, in milliseconds */
  readonly softTimeoutMillis: number
  /** the pause after a background refresh that failed, in milliseconds */
  readonly refreshPauseMillis: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Refresher<A, E> {
  /** Starts to refresh a stale value. The answer is the new value where it arrives within the soft time-out. */
  readonly refreshStale: (
    key: CacheKey,
    source: ValueSource<A, E>,
    stale: CacheEntry.CacheEntry<A>
  ) => Effect.Effect<Option.Option<LoadResult<A>>>
  /** Starts to refresh a fresh value where it is due. */
  readonly refreshAhead: (
    key: CacheKey,
    source: ValueSource<A, E>,
    entry: CacheEntry.CacheEntry<A>,
    serverTime: number
  ) => Effect.Effect<void>
}

/** The keys whose last background refresh failed, at most, that wait for their next one. */
const maxPaused = 10_000

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: RefresherOptions<A, E>): Effect.Effect<Refresher<A, E>> =>
  Effect.zipWith(Effect.clock, SharedFibers.fork, (clock, fork) => {
    const { flights, invalidation, loader, observer, refreshAhead } = options
    // made by the first failure: it allocates a place for each key, which takes longer than the rest of a cache
    let failedAt: LRUCache<string, number> | undefined

    const isPaused = (key: string): boolean =>
      MonotonicClock.unsafeMillis(clock) - (failedAt?.get(key) ?? Number.NEGATIVE_INFINITY) < options.refreshPauseMillis

    /**
     * Starts a refresh, unless one has just failed, and answers an effect that waits for it. The refresh completes even if
     * no caller waits.
     */
    const start = (
      key: CacheKey,
      source: ValueSource<A, E>,
      previous: CacheEntry.CacheEntry<A>
    ): Effect.Effect<
      Effect.Effect<{ readonly value: LoadResult<A>; readonly late: boolean }, LoadError<E>> | undefined
    > =>
      Effect.suspend(() => {
        if (isPaused(key.text)) return Effect.succeed(undefined)
        return flights.start(
          key.text,
          invalidation.epochOf(key.text),
          (flight) => loader.load(key, source, { newerThan: previous.createdAt, bound: noBound, previous }, flight),
          (cause) => {
            failedAt ??= new LRUCache({ max: maxPaused })
            failedAt.set(key.text, MonotonicClock.unsafeMillis(clock))
            if (Cause.isDie(cause)) fork(observer.refreshDied(key.text, cause))
          }
        )
      })

    return {
      refreshStale: (key, source, stale) =>
        Effect.flatMap(start(key, source, stale), (refresh) =>
          options.softTimeoutMillis === 0 || refresh === undefined
            ? Effect.succeedNone
            : refresh.pipe(
                // a refresh that dies has failed too, and a caller with a stale value gets no error
                Effect.exit,
                Stall.timeoutOption(options.softTimeoutMillis),
                Effect.map(
                  Option.flatMap(
                    Exit.match({
                      onFailure: () => Option.none(),
                      onSuccess: ({ late, value }) => (late ? Option.none() : Option.some(value))
                    })
                  )
                )
              )
        ),
      refreshAhead: (key, source, entry, serverTime) =>
        refreshAhead === undefined
          ? Effect.void
          : Effect.flatMap(
              isDue(refreshAhead, CacheEntry.ageAt(entry, serverTime), entry.timeToLive, options.meanLookupMillis),
              (isDue) => (isDue ? start(key, source, entry) : Effect.void)
            )
    }
  })
