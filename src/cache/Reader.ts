/**
 * Reading: this process, then Redis, then a lookup, and what is served stale meanwhile (rules 1 and 2 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Iterable from "effect/Iterable"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { LRUCache } from "lru-cache"
import type { RedisClient } from "../redis/RedisClient.js"
import * as CacheEntry from "./CacheEntry.js"
import type { CacheObserver } from "./CacheObserver.js"
import type { Invalidation, Unread } from "./Invalidation.js"
import type { LoadError, Loaded, Loader, LoaderOptions, Origin, Readable, Seen } from "./Loader.js"
import type { LocalTier } from "./LocalTier.js"
import { isDue, type RefreshAhead } from "./RefreshAhead.js"
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
  readonly observer: CacheObserver
  readonly staleMillis: (value: A) => number
  readonly refreshAhead: RefreshAhead | undefined
  /** how long a lookup takes on average, in milliseconds */
  readonly meanLookupMillis: () => number
  /** how long a caller waits for the refresh of a stale value before it is served stale, in milliseconds */
  readonly softTimeoutMillis: number
  /** the pause after a background refresh that failed, in milliseconds */
  readonly refreshPauseMillis: number
  readonly keepLocal: LoaderOptions<A>["keepLocal"]
}

/**
 * A value that is there, or how to come by it.
 *
 * @since 0.1.0
 * @category models
 */
export type AtOnceOrLater<A, E> = Either.Either<A, Effect.Effect<A, LoadError<E>>>

/**
 * What it takes that Redis holds a fresh value: nothing, a load, or that it can be read.
 *
 * @since 0.1.0
 * @category models
 */
export type Preparation<A, E> =
  | { readonly _tag: "Fresh" }
  | { readonly _tag: "Absent"; readonly load: Effect.Effect<Served<A>, LoadError<E>> }
  | { readonly _tag: "Unread"; readonly unread: Unread }

/**
 * @since 0.1.0
 * @category models
 */
export interface Reader<A, E> {
  readonly get: (key: string, origin: Origin<A, E>) => Effect.Effect<A, LoadError<E>>
  readonly getServed: (key: string, origin: Origin<A, E>) => Effect.Effect<Served<A>, LoadError<E>>
  /**
   * Of several keys, all different, in their order: the value where it can be served at once, and elsewhere how to come by
   * it. Redis is asked once.
   */
  readonly getMany: (
    keys: ReadonlyArray<string>,
    origins: ReadonlyArray<Origin<A, E>>
  ) => Effect.Effect<ReadonlyArray<AtOnceOrLater<A, E>>>
  /** For each of several keys, all different, in their order. Redis is asked once, and nobody is served. */
  readonly prepareMany: (
    keys: ReadonlyArray<string>,
    origins: ReadonlyArray<Origin<A, E>>
  ) => Effect.Effect<ReadonlyArray<Preparation<A, E>>>
  readonly getOption: (key: string) => Effect.Effect<Option.Option<Served<A>>>
  /** Looks up now, whatever is stored. */
  readonly refresh: (key: string, origin: Origin<A, E>) => Effect.Effect<A, LoadError<E>>
}

/** When Redis was asked for a key, and the key's epoch then. */
interface Asked {
  readonly at: number
  readonly epoch: number
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
    const { invalidation, keepLocal, loader, local, observer, redis, refreshAhead } = options
    const clock = yield* Effect.clock
    const flights = yield* SingleFlight.make<Loaded<A>, LoadError<E>>()
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

    const landed = ({ entry, reason, source }: Loaded<A>): Effect.Effect<Served<A>> => {
      if (source === "Degraded") observer.counters.degraded++
      return Effect.map(redis.serverTime, (now) => served(entry, source, now, reason))
    }

    /**
     * A refresh that nobody need wait for, unless one has just failed; answers how to wait for it. It goes on when its
     * callers leave, and lands.
     */
    const startRefresh = (
      key: string,
      origin: Origin<A, E>,
      previous: CacheEntry.CacheEntry<A>
    ): Effect.Effect<Effect.Effect<{ readonly value: Loaded<A>; readonly late: boolean }, LoadError<E>> | undefined> =>
      Effect.suspend(() => {
        if ((pausedUntil.get(key) ?? 0) > clock.unsafeCurrentTimeMillis()) return Effect.succeed(undefined)
        const load = loader.load(key, origin, { newerThan: previous.created, previous })
        return flights.start(key, invalidation.epochs.of(key), (flight) =>
          Effect.tapErrorCause(load(flight), () =>
            Effect.sync(() => pausedUntil.set(key, clock.unsafeCurrentTimeMillis() + options.refreshPauseMillis))
          )
        )
      })

    /** Served stale, at once or when the refresh has not come soon enough. */
    const serveStale = (key: string, origin: Origin<A, E>, entry: CacheEntry.CacheEntry<A>, serverNow: number) => {
      const stale = Effect.sync(() => {
        observer.stale(key)
        return served(entry, "Stale", serverNow)
      })
      return Effect.flatMap(startRefresh(key, origin, entry), (refresh) =>
        options.softTimeoutMillis === 0 || refresh === undefined
          ? stale
          : refresh.pipe(
              Effect.timeoutOption(options.softTimeoutMillis),
              Effect.orElseSucceed(Option.none),
              Effect.flatMap((refreshed) =>
                Option.isSome(refreshed) && !refreshed.value.late ? landed(refreshed.value.value) : stale
              )
            )
      )
    }

    /** Begins to refresh what is fresh and soon will not be. */
    const lookAhead = (key: string, origin: Origin<A, E>, entry: CacheEntry.CacheEntry<A>, serverNow: number) => {
      if (refreshAhead === undefined) return Effect.void
      return Effect.flatMap(
        isDue(refreshAhead, serverNow - entry.created, entry.timeToLive, options.meanLookupMillis),
        (isDue) => (isDue ? startRefresh(key, origin, entry) : Effect.void)
      )
    }

    const freshOf = ({ entry, trusted }: Readable<A>, serverNow: number): CacheEntry.CacheEntry<A> | undefined =>
      entry !== undefined && trusted && CacheEntry.isFresh(entry, serverNow) ? entry : undefined

    const hitRedis = (
      key: string,
      origin: Origin<A, E>,
      entry: CacheEntry.CacheEntry<A>,
      text: string | undefined,
      { at, epoch }: Asked,
      serverNow: number
    ): Effect.Effect<void> =>
      Effect.suspend(() => {
        observer.hit(key, "Redis")
        return Effect.zipRight(keepLocal(key, entry, at, epoch, text), lookAhead(key, origin, entry, serverNow))
      })

    /** Where Redis holds nothing fresh. */
    const staleOrLoaded = (
      key: string,
      origin: Origin<A, E>,
      { created, entry, trusted }: Readable<A>,
      serverNow: number,
      joins: number
    ): Effect.Effect<Served<A>, LoadError<E>> =>
      Effect.suspend(() => {
        if (entry !== undefined && trusted && CacheEntry.isStale(entry, serverNow, options.staleMillis(entry.value))) {
          return serveStale(key, origin, entry, serverNow)
        }
        observer.miss(key)
        return fly(key, origin, { newerThan: created }, joins)
      })

    /** Past the local tier. `joins` counts the flights that this caller came too late for. */
    const readThrough = (key: string, origin: Origin<A, E>, joins: number): Effect.Effect<Served<A>, LoadError<E>> =>
      Effect.gen(function* () {
        const asked = { at: clock.unsafeCurrentTimeMillis(), epoch: invalidation.epochs.of(key) }
        const found = yield* Effect.either(loader.read(key))
        if (Either.isLeft(found)) return yield* fly(key, origin, { newerThan: 0, failure: found.left }, joins)
        yield* observer.redisAnswered
        const serverNow = yield* redis.serverTime
        const entry = freshOf(found.right, serverNow)
        if (entry === undefined) return yield* staleOrLoaded(key, origin, found.right, serverNow, joins)
        yield* hitRedis(key, origin, entry, found.right.text, asked, serverNow)
        return served(entry, "Redis", serverNow)
      })

    const fly = (
      key: string,
      origin: Origin<A, E>,
      seen: Seen<A>,
      joins: number
    ): Effect.Effect<Served<A>, LoadError<E>> =>
      Effect.flatMap(
        flights.fly(key, invalidation.epochs.of(key), loader.load(key, origin, seen), { alone: joins >= maxJoins }),
        ({ late, value }) => {
          if (!late) return landed(value)
          // whom Redis has failed once in this read does not wait for it again
          return seen.failure ? fly(key, origin, seen, joins + 1) : readThrough(key, origin, joins + 1)
        }
      )

    const valueOf = (served: Effect.Effect<Served<A>, LoadError<E>>) => Effect.map(served, ({ value }) => value)

    const localHit = (key: string): CacheEntry.CacheEntry<A> | undefined => {
      const entry = local.get(key, clock.unsafeCurrentTimeMillis())
      if (entry !== undefined) observer.hit(key, "Local")
      return entry
    }

    return {
      get: (key, origin) =>
        Effect.suspend(() => {
          const entry = localHit(key)
          if (entry === undefined) return valueOf(readThrough(key, origin, 0))
          return refreshAhead === undefined
            ? Effect.succeed(entry.value)
            : Effect.as(
                Effect.flatMap(redis.serverTime, (now) => lookAhead(key, origin, entry, now)),
                entry.value
              )
        }),

      getServed: (key, origin) =>
        Effect.suspend(() => {
          const entry = localHit(key)
          if (entry === undefined) return readThrough(key, origin, 0)
          return Effect.flatMap(redis.serverTime, (now) =>
            Effect.as(lookAhead(key, origin, entry, now), served(entry, "Local", now))
          )
        }),

      getMany: (keys, origins) =>
        Effect.gen(function* () {
          const local = new Map(keys.map((key) => [key, localHit(key)]))
          const absent = keys.filter((key) => local.get(key) === undefined)
          const epochs = new Map(absent.map((key) => [key, invalidation.epochs.of(key)]))
          const at = clock.unsafeCurrentTimeMillis()
          const inRedis = yield* loader.readMany(absent)
          if (Iterable.some(inRedis.values(), Either.isRight)) yield* observer.redisAnswered
          const serverNow = yield* redis.serverTime
          return yield* Effect.forEach(
            Iterable.zip(keys, origins),
            ([key, origin]): Effect.Effect<AtOnceOrLater<A, E>> => {
              const held = local.get(key)
              if (held !== undefined)
                return Effect.as(lookAhead(key, origin, held, serverNow), Either.right(held.value))
              const found = inRedis.get(key) ?? Either.left(invalidation.refusal(key))
              if (Either.isLeft(found)) {
                return Effect.succeed(Either.left(valueOf(fly(key, origin, { newerThan: 0, failure: found.left }, 0))))
              }
              const entry = freshOf(found.right, serverNow)
              if (entry === undefined) {
                return Effect.succeed(Either.left(valueOf(staleOrLoaded(key, origin, found.right, serverNow, 0))))
              }
              const asked = { at, epoch: epochs.get(key) ?? Number.NaN }
              return Effect.as(
                hitRedis(key, origin, entry, found.right.text, asked, serverNow),
                Either.right(entry.value)
              )
            }
          )
        }),

      prepareMany: (keys, origins) =>
        Effect.gen(function* () {
          const epochs = new Map(keys.map((key) => [key, invalidation.epochs.of(key)]))
          const at = clock.unsafeCurrentTimeMillis()
          const inRedis = yield* loader.readMany(keys)
          const serverNow = yield* redis.serverTime
          return yield* Effect.forEach(
            Iterable.zip(keys, origins),
            ([key, origin]): Effect.Effect<Preparation<A, E>> => {
              const found = inRedis.get(key) ?? Either.left(invalidation.refusal(key))
              if (Either.isLeft(found)) return Effect.succeed({ _tag: "Unread", unread: found.left })
              const { created, text, trusted } = found.right
              const entry = freshOf(found.right, serverNow)
              if (entry !== undefined) {
                return Effect.as(keepLocal(key, entry, at, epochs.get(key) ?? Number.NaN, text), { _tag: "Fresh" })
              }
              const previous = trusted ? found.right.entry : undefined
              return Effect.succeed({ _tag: "Absent", load: fly(key, origin, { newerThan: created, previous }, 0) })
            }
          )
        }),

      getOption: (key) =>
        Effect.gen(function* () {
          const present = localHit(key)
          if (present !== undefined) return Option.some(served(present, "Local", yield* redis.serverTime))
          const epoch = invalidation.epochs.of(key)
          const asked = clock.unsafeCurrentTimeMillis()
          const found = yield* Effect.either(loader.read(key))
          if (Either.isLeft(found)) {
            yield* observer.redisFailed(found.left)
            return Option.none()
          }
          yield* observer.redisAnswered
          const { entry, text, trusted } = found.right
          const serverNow = yield* redis.serverTime
          if (entry !== undefined && trusted) {
            if (CacheEntry.isFresh(entry, serverNow)) {
              observer.hit(key, "Redis")
              yield* keepLocal(key, entry, asked, epoch, text)
              return Option.some(served(entry, "Redis", serverNow))
            }
            if (CacheEntry.isStale(entry, serverNow, options.staleMillis(entry.value))) {
              observer.stale(key)
              return Option.some(served(entry, "Stale", serverNow))
            }
          }
          observer.miss(key)
          return Option.none()
        }),

      refresh: (key, origin) =>
        Effect.gen(function* () {
          invalidation.move({ _tag: "Key", key })
          const found = yield* Effect.either(loader.read(key))
          if (Either.isLeft(found)) {
            return (yield* fly(key, origin, { newerThan: 0, failure: found.left }, maxJoins)).value
          }
          const { created, entry, trusted } = found.right
          // the clock alone knows the server's time only roughly
          const newerThan = Math.max(created, Math.ceil(yield* redis.serverTime))
          // alone: whoever else looks up may be content with less
          return (yield* fly(key, origin, { newerThan, previous: trusted ? entry : undefined }, maxJoins)).value
        })
    }
  })
