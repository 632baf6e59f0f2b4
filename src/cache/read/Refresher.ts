/**
 * Refreshing what is served meanwhile: values that are stale, and those that soon will be.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { LRUCache } from "lru-cache"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as Stall from "../../internal/Stall.js"
import type * as CacheEntry from "../entry/CacheEntry.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { LoadError, Loader, LoadResult, ValueSource } from "../load/Loader.js"
import type { SingleFlight } from "../load/SingleFlight.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
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
  /** how long a lookup takes on average, in milliseconds */
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
  /** Begins to refresh a stale value, and answers the new one where it comes soon enough for its caller. */
  readonly refreshed: (
    key: string,
    origin: ValueSource<A, E>,
    stale: CacheEntry.CacheEntry<A>
  ) => Effect.Effect<Option.Option<LoadResult<A>>>
  /** Begins to refresh what is fresh and soon will not be. */
  readonly lookAhead: (
    key: string,
    origin: ValueSource<A, E>,
    entry: CacheEntry.CacheEntry<A>,
    serverTime: number
  ) => Effect.Effect<void>
}

/** Keys whose last background refresh failed, of which it is remembered when the next one may be tried. */
const maxPaused = 10_000

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: RefresherOptions<A, E>): Effect.Effect<Refresher<A, E>> =>
  Effect.map(Effect.clock, (clock) => {
    const { flights, invalidation, loader, observer, refreshAhead } = options
    const failedAt = new LRUCache<string, number>({ max: maxPaused })

    const isPaused = (key: string): boolean =>
      MonotonicClock.unsafeMillis(clock) - (failedAt.get(key) ?? Number.NEGATIVE_INFINITY) < options.refreshPauseMillis

    /**
     * A refresh that nobody need wait for, unless one has just failed; answers how to wait for it. It goes on when its
     * callers leave, and lands.
     */
    const start = (
      key: string,
      origin: ValueSource<A, E>,
      previous: CacheEntry.CacheEntry<A>
    ): Effect.Effect<
      Effect.Effect<{ readonly value: LoadResult<A>; readonly late: boolean }, LoadError<E>> | undefined
    > =>
      Effect.suspend(() => {
        if (isPaused(key)) return Effect.succeed(undefined)
        const load = loader.load(key, origin, { newerThan: previous.createdAt, previous })
        return flights.start(key, invalidation.epochOf(key), (flight) =>
          Effect.tapErrorCause(load(flight), (cause) => {
            failedAt.set(key, MonotonicClock.unsafeMillis(clock))
            return Cause.isDie(cause) ? observer.refreshDied(key, cause) : Effect.void
          })
        )
      })

    return {
      refreshed: (key, origin, stale) =>
        Effect.flatMap(start(key, origin, stale), (refresh) =>
          options.softTimeoutMillis === 0 || refresh === undefined
            ? Effect.succeedNone
            : refresh.pipe(
                // also one that dies is a refresh that failed, of which nobody hears who has a stale value
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
      lookAhead: (key, origin, entry, serverTime) =>
        refreshAhead === undefined
          ? Effect.void
          : Effect.flatMap(
              isDue(refreshAhead, serverTime - entry.createdAt, entry.timeToLive, options.meanLookupMillis),
              (isDue) => (isDue ? start(key, origin, entry) : Effect.void)
            )
    }
  })
