/**
 * Reading: this process, then Redis, then a lookup, and what is served stale meanwhile (rules 1 and 2 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { LRUCache } from "lru-cache"
import type { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as CacheEntry from "./CacheEntry.js"
import type { Counters } from "./CacheStats.js"
import type { FailureLog } from "./FailureLog.js"
import type { Invalidation, Unread } from "./Invalidation.js"
import type { Loaded, Loader, LoaderOptions, LookupOverloaded, Origin, Readable } from "./Loader.js"
import type { LocalTier } from "./LocalTier.js"
import * as SingleFlight from "./SingleFlight.js"

/**
 * Where a value came from. `Stale` is past its time to live and being refreshed; `Degraded` was looked up because Redis
 * could not be used, and `reason` says why.
 *
 * @since 0.1.0
 * @category models
 */
export interface Served<out A> {
  readonly value: A
  readonly source: "Local" | "Redis" | "Lookup" | "Stale" | "Degraded"
  /** since the value was looked up or set */
  readonly age: Duration.Duration
  /** what is left until it is stale; zero when it is */
  readonly timeLeft: Duration.Duration
  /** one word; present when the source is `Degraded` */
  readonly reason: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ReaderOptions<A, E> {
  readonly redis: RedisClient.Service
  readonly local: LocalTier<A>
  readonly loader: Loader<A, E>
  readonly invalidation: Invalidation
  readonly counters: Counters
  readonly failureLog: FailureLog
  readonly staleMillis: number
  /** the pause after a background refresh that failed, in milliseconds */
  readonly refreshPauseMillis: number
  readonly keepLocal: LoaderOptions<A>["keepLocal"]
}

/**
 * What a read can fail with besides the errors of keys.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError<E> = E | LookupOverloaded | RedisError

/**
 * @since 0.1.0
 * @category models
 */
export interface Reader<A, E> {
  readonly get: (key: string, origin: Origin<A, E>) => Effect.Effect<A, ReadError<E>>
  readonly getServed: (key: string, origin: Origin<A, E>) => Effect.Effect<Served<A>, ReadError<E>>
  readonly getOption: (key: string) => Effect.Effect<Option.Option<Served<A>>>
  /** Looks up now, whatever is stored. */
  readonly refresh: (key: string, origin: Origin<A, E>) => Effect.Effect<A, ReadError<E>>
}

/** A caller that came too late for this many flights takes one of its own, so that it ends. */
const maxJoins = 2

/** Keys whose last background refresh failed, of which it is remembered when the next one may be tried. */
const maxPaused = 10_000

/**
 * Its flights end with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: ReaderOptions<A, E>): Effect.Effect<Reader<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { counters, failureLog, invalidation, keepLocal, loader, local, redis, staleMillis } = options
    const clock = yield* Effect.clock
    const flights = yield* SingleFlight.make<Loaded<A>, ReadError<E>>()
    const pausedUntil = new LRUCache<string, number>({ max: maxPaused })

    const served = (
      entry: CacheEntry.CacheEntry<A>,
      source: Served<A>["source"],
      serverNow: number,
      reason?: string
    ): Served<A> => ({
      value: entry.value,
      source,
      age: Duration.millis(Math.max(0, serverNow - entry.created)),
      timeLeft: Duration.millis(Math.max(0, entry.created + entry.timeToLive - serverNow)),
      reason
    })

    const localHit = (key: string): CacheEntry.CacheEntry<A> | undefined => {
      const entry = local.get(key, clock.unsafeCurrentTimeMillis())
      if (entry !== undefined) counters.hitsLocal++
      return entry
    }

    /** What Redis holds that may be served: fresh, which then enters the local tier, or stale. Counted. */
    const serve = (
      key: string,
      { entry, text, trusted }: Readable<A>,
      asked: number,
      epoch: number
    ): Effect.Effect<Served<A> | undefined> =>
      Effect.flatMap(redis.serverTime, (serverNow) => {
        if (entry !== undefined && trusted) {
          if (CacheEntry.isFresh(entry, serverNow)) {
            counters.hitsRedis++
            return Effect.as(keepLocal(key, entry, asked, epoch, text), served(entry, "Redis", serverNow))
          }
          if (CacheEntry.isStale(entry, serverNow, staleMillis)) {
            counters.staleServed++
            return Effect.succeed(served(entry, "Stale", serverNow))
          }
        }
        counters.misses++
        return Effect.succeed(undefined)
      })

    const refreshInBackground = (key: string, origin: Origin<A, E>, newerThan: number) =>
      Effect.suspend(() => {
        if ((pausedUntil.get(key) ?? 0) > clock.unsafeCurrentTimeMillis()) return Effect.void
        const load = loader.load(key, origin, { newerThan })
        return flights.start(key, invalidation.epochs.of(key), (flight) =>
          Effect.tapErrorCause(load(flight), () =>
            Effect.sync(() => pausedUntil.set(key, clock.unsafeCurrentTimeMillis() + options.refreshPauseMillis))
          )
        )
      })

    /** Past the local tier. `joins` counts the flights that this caller came too late for. */
    const readThrough = (key: string, origin: Origin<A, E>, joins: number): Effect.Effect<Served<A>, ReadError<E>> =>
      Effect.gen(function* () {
        const epoch = invalidation.epochs.of(key)
        const asked = clock.unsafeCurrentTimeMillis()
        const found = yield* Effect.either(loader.read(key))
        if (Either.isLeft(found)) return yield* fly(key, origin, { newerThan: 0, failure: found.left }, joins)
        yield* failureLog.succeeded
        const present = yield* serve(key, found.right, asked, epoch)
        if (present === undefined) return yield* fly(key, origin, { newerThan: found.right.created }, joins)
        if (present.source === "Stale") yield* refreshInBackground(key, origin, found.right.created)
        return present
      })

    const fly = (
      key: string,
      origin: Origin<A, E>,
      seen: { readonly newerThan: number; readonly failure?: Unread },
      joins: number
    ): Effect.Effect<Served<A>, ReadError<E>> =>
      Effect.flatMap(
        flights.fly(key, invalidation.epochs.of(key), loader.load(key, origin, seen), { alone: joins >= maxJoins }),
        ({ late, value }) => {
          // whom Redis has failed once in this read does not wait for it again
          if (late) return seen.failure ? fly(key, origin, seen, joins + 1) : readThrough(key, origin, joins + 1)
          if (value.source === "Degraded") counters.degraded++
          return Effect.map(redis.serverTime, (now) => served(value.entry, value.source, now, value.reason))
        }
      )

    return {
      get: (key, origin) =>
        Effect.suspend(() => {
          const entry = localHit(key)
          return entry === undefined
            ? Effect.map(readThrough(key, origin, 0), ({ value }) => value)
            : Effect.succeed(entry.value)
        }),

      getServed: (key, origin) =>
        Effect.suspend(() => {
          const entry = localHit(key)
          return entry === undefined
            ? readThrough(key, origin, 0)
            : Effect.map(redis.serverTime, (now) => served(entry, "Local", now))
        }),

      getOption: (key) =>
        Effect.gen(function* () {
          const entry = localHit(key)
          if (entry !== undefined) return Option.some(served(entry, "Local", yield* redis.serverTime))
          const epoch = invalidation.epochs.of(key)
          const asked = clock.unsafeCurrentTimeMillis()
          const found = yield* Effect.either(loader.read(key))
          if (Either.isLeft(found)) {
            yield* loader.noteFailure(found.left)
            return Option.none()
          }
          yield* failureLog.succeeded
          return Option.fromNullable(yield* serve(key, found.right, asked, epoch))
        }),

      refresh: (key, origin) =>
        Effect.gen(function* () {
          invalidation.move(key)
          const found = yield* Effect.either(loader.read(key))
          const seen = Either.isLeft(found)
            ? { newerThan: 0, failure: found.left }
            : // the clock alone knows the server's time only roughly
              { newerThan: Math.max(found.right.created, Math.ceil(yield* redis.serverTime)) }
          // alone: whoever else looks up may be content with less
          return (yield* fly(key, origin, seen, maxJoins)).value
        })
    }
  })
