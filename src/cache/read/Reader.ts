/**
 * Reading: this process, then Redis, then a lookup, and what is served stale meanwhile (rules 1 and 2 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */

import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Callback from "../../internal/Callback.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey, Names } from "../entry/CacheKey.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { LoadError, Loader, LoadRequest, LoadResult, ValueSource } from "../load/Loader.js"
import * as SingleFlight from "../load/SingleFlight.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import * as Transaction from "../lookup/Transaction.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import type { LocalTier } from "../tiers/LocalTier.js"
import type { RedisTier } from "../tiers/RedisTier.js"
import { type Found, freshOf, type ReadListener, type Started, type TierResult } from "../tiers/TierRead.js"
import * as CacheResult from "./CacheResult.js"
import * as Refresher from "./Refresher.js"
import * as WarmPlan from "./WarmPlan.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ReaderOptions<A, E> extends Omit<Refresher.RefresherOptions<A, E>, "flights"> {
  /** of the loads */
  readonly owner: LoadGraph.Load["owner"]
  readonly redis: RedisClient.Service
  readonly local: LocalTier<A>
  readonly names: Names<never>
  readonly tier: RedisTier<A>
  readonly loader: Loader<A, E>
  readonly invalidation: LocalInvalidation
  readonly observer: CacheObserver
  readonly keepsLocally: boolean
  readonly staleMillis: (value: A) => number
  /** Keeps an entry read from Redis in this process, if nothing happened to its key since it was asked for. */
  readonly keepRead: (key: string, entry: CacheEntry.CacheEntry<A>, asked: Started, found: Found<A>) => void
}

/**
 * What is known of several keys: the values that can be served at once, at the places of their keys, and how to come by
 * the others.
 *
 * @since 0.1.0
 * @category models
 */
export interface Many<A, E> {
  readonly values: Array<A>
  readonly later: ReadonlyArray<{ readonly place: number; readonly load: Effect.Effect<A, LoadError<E>> }>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Reader<A, E> {
  /** Whether a caller may have what the local tier holds without any more ado. */
  readonly isAtHand: boolean
  /** The entry of the local tier by its name, counted as a hit. */
  readonly atHand: (name: string) => CacheEntry.CacheEntry<A> | undefined
  /** Reads what is not at hand, and tells what is to be made of it: what is made of its value. */
  readonly past: <B, E2>(
    ofValue: (value: A) => Effect.Effect<B, E2>
  ) => (key: CacheKey, origin: ValueSource<A, E>, tell: (next: Effect.Effect<B, E2 | LoadError<E>>) => void) => void
  readonly getResult: (
    key: CacheKey,
    origin: ValueSource<A, E>
  ) => Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>
  /** Of several keys, all different. Redis is asked once. */
  readonly getMany: (
    keys: ReadonlyArray<CacheKey>,
    originAt: (place: number) => ValueSource<A, E>
  ) => Effect.Effect<Many<A, E>>
  readonly prepareMany: WarmPlan.PlanMany<A, E>
  readonly getOption: (key: CacheKey) => Effect.Effect<Option.Option<CacheResult.CacheResult<A>>>
  /** Looks up now, whatever is stored. */
  readonly refresh: (key: CacheKey, origin: ValueSource<A, E>) => Effect.Effect<A, LoadError<E>>
}

/** What callers are given: a value, or what is known of it besides. */
interface Form<A, E, B, E2> {
  /** of an entry that is fresh in Redis */
  readonly ofHit: (entry: CacheEntry.CacheEntry<A>, serverTime: number) => Effect.Effect<B, E2>
  readonly ofServed: (served: CacheResult.CacheResult<A>) => Effect.Effect<B, E2>
  readonly proceed: (answer: TierResult<A>, read: Read<A, E, B, E2>) => Effect.Effect<B, E2 | LoadError<E>>
}

/** One read of one key past the local tier, which is told what to make of the answer in the turn in which it is there. */
class Read<A, E, B, E2> implements ReadListener<A> {
  constructor(
    readonly key: CacheKey,
    readonly origin: ValueSource<A, E>,
    readonly asked: Started,
    /** the flights that this caller came too late for */
    readonly joins: number,
    readonly form: Form<A, E, B, E2>,
    readonly tell: (next: Effect.Effect<B, E2 | LoadError<E>>) => void
  ) {}

  onResult(answer: TierResult<A>): void {
    this.tell(this.form.proceed(answer, this))
  }
}

/** Where nothing is kept in this process, nobody looks at it. */
const unasked: Started = { at: 0, epoch: 0 }

/** A caller that came too late for this many flights takes one of its own, so that it ends. */
const maxJoins = 2

/**
 * Its flights end with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: ReaderOptions<A, E>): Effect.Effect<Reader<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { invalidation, keepRead, loader, local, names, observer, redis, refreshAhead, tier } = options
    const clock = yield* Effect.clock
    const flights = yield* SingleFlight.make<LoadResult<A>, LoadError<E>>(options.owner)
    const refreshing = yield* Refresher.make({ ...options, flights })

    const landed = ({ entry, reason, source }: LoadResult<A>): Effect.Effect<CacheResult.CacheResult<A>> => {
      if (source === "Degraded") observer.degraded()
      return Effect.map(redis.serverTime, (now) => CacheResult.make(entry, source, now, reason))
    }

    const serveStale = (key: string, origin: ValueSource<A, E>, entry: CacheEntry.CacheEntry<A>, serverTime: number) =>
      Effect.flatMap(
        refreshing.refreshed(key, origin, entry),
        Option.match({
          onSome: landed,
          onNone: () =>
            Effect.sync(() => {
              observer.stale(key)
              return CacheResult.make(entry, "Stale", serverTime)
            })
        })
      )

    const hitRedis = (key: string, entry: CacheEntry.CacheEntry<A>, asked: Started, found: Found<A>): void => {
      observer.hitRedis(key)
      keepRead(key, entry, asked, found)
    }

    /** Where Redis holds nothing fresh. */
    const staleOrLoaded = (
      key: CacheKey,
      origin: ValueSource<A, E>,
      { createdAt, entry, serverTime, trusted }: Found<A>,
      joins: number
    ): Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>> => {
      if (entry !== undefined && trusted && CacheEntry.isStale(entry, serverTime, options.staleMillis(entry.value))) {
        return serveStale(key.text, origin, entry, serverTime)
      }
      observer.miss(key.text)
      return fly(key, origin, { newerThan: createdAt }, joins)
    }

    const noticed = <B, E2>(next: Effect.Effect<B, E2>): Effect.Effect<B, E2> =>
      observer.isRecovering() ? Effect.zipRight(observer.redisAnswered, next) : next

    /** Where the answer is no fresh value. */
    const loaded = (
      key: CacheKey,
      origin: ValueSource<A, E>,
      answer: TierResult<A>,
      joins: number
    ): Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>> =>
      answer._tag === "Found"
        ? noticed(Effect.suspend(() => staleOrLoaded(key, origin, answer, joins)))
        : Either.match(Cause.failureOrCause(answer.cause), {
            onLeft: (failure) => fly(key, origin, { newerThan: 0, failure }, joins),
            onRight: Exit.failCause
          })

    const proceed = <B, E2>(
      answer: TierResult<A>,
      { asked, form, joins, key, origin }: Read<A, E, B, E2>
    ): Effect.Effect<B, E2 | LoadError<E>> => {
      const entry = freshOf(answer)
      if (answer._tag !== "Found" || entry === undefined) {
        return Effect.flatMap(loaded(key, origin, answer, joins), form.ofServed)
      }
      hitRedis(key.text, entry, asked, answer)
      const hit = form.ofHit(entry, answer.serverTime)
      return noticed(
        refreshAhead === undefined
          ? hit
          : Effect.zipRight(refreshing.lookAhead(key.text, origin, entry, answer.serverTime), hit)
      )
    }

    const askedNow = ({ text }: CacheKey): Started =>
      options.keepsLocally ? { at: MonotonicClock.unsafeMillis(clock), epoch: invalidation.epochOf(text) } : unasked

    /** Past the local tier, from now on: called when it is to run. */
    const readThrough = <B, E2>(
      key: CacheKey,
      origin: ValueSource<A, E>,
      joins: number,
      form: Form<A, E, B, E2>,
      tell: (next: Effect.Effect<B, E2 | LoadError<E>>) => void
    ): void => tier.ask(key, new Read(key, origin, askedNow(key), joins, form, tell), 0)
    const readServed = (key: CacheKey, origin: ValueSource<A, E>, joins: number) =>
      Callback.makeInTurn<CacheResult.CacheResult<A>, LoadError<E>>((resume) =>
        readThrough(key, origin, joins, asServed, resume)
      )

    const asServed: Form<A, E, CacheResult.CacheResult<A>, never> = {
      ofHit: (entry, serverTime) => Exit.succeed(CacheResult.make(entry, "Redis", serverTime)),
      ofServed: Effect.succeed,
      proceed
    }
    const formOf = <B, E2>(ofValue: (value: A) => Effect.Effect<B, E2>): Form<A, E, B, E2> => ({
      ofHit: ({ value }) => ofValue(value),
      ofServed: ({ value }) => ofValue(value),
      proceed
    })

    const fly = (
      key: CacheKey,
      origin: ValueSource<A, E>,
      seen: LoadRequest<A>,
      joins: number
    ): Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>> =>
      Effect.withFiberRuntime((caller) =>
        Transaction.isIn(caller)
          ? Effect.flatMap(loadAlone(LoadGraph.of(caller), key.text, origin, seen), landed)
          : Effect.flatMap(
              // the epoch of the moment in which it flies, which may come long after it was known that it would
              flights.load(key.text, invalidation.epochOf(key.text), loader.load(key.text, origin, seen), {
                alone: joins >= maxJoins
              }),
              ({ late, value }) => {
                if (!late) return landed(value)
                // whom Redis has failed once in this read does not wait for it again
                return seen.failure ? fly(key, origin, seen, joins + 1) : readServed(key, origin, joins + 1)
              }
            )
      )

    const loadAlone = (
      from: LoadGraph.Load | undefined,
      key: string,
      origin: ValueSource<A, E>,
      seen: LoadRequest<A>
    ) =>
      LoadGraph.cycle(from, options.owner, key) ??
      LoadGraph.within(new LoadGraph.Load(options.owner, key, true))(loader.loadAlone(key, origin, seen))

    const hitNamed = (name: string): CacheEntry.CacheEntry<A> | undefined => {
      const entry = local.get(name, MonotonicClock.unsafeMillis(clock))
      if (entry !== undefined) observer.hitLocal(name)
      return entry
    }
    const localHit = (key: CacheKey): CacheEntry.CacheEntry<A> | undefined => hitNamed(names.ofText(key.text))

    return {
      isAtHand: options.keepsLocally && refreshAhead === undefined,
      atHand: hitNamed,

      past: <B, E2>(ofValue: (value: A) => Effect.Effect<B, E2>) => {
        const form = formOf(ofValue)
        const ahead = (key: CacheKey, origin: ValueSource<A, E>, entry: CacheEntry.CacheEntry<A>) =>
          Effect.zipRight(
            Effect.flatMap(redis.serverTime, (now) => refreshing.lookAhead(key.text, origin, entry, now)),
            ofValue(entry.value)
          )
        return (
          key: CacheKey,
          origin: ValueSource<A, E>,
          tell: (next: Effect.Effect<B, E2 | LoadError<E>>) => void
        ) => {
          const entry = refreshAhead === undefined ? undefined : localHit(key)
          if (entry === undefined) readThrough(key, origin, 0, form, tell)
          else tell(ahead(key, origin, entry))
        }
      },

      getResult: (key, origin) =>
        Effect.suspend(() => {
          const entry = localHit(key)
          if (entry === undefined) return readServed(key, origin, 0)
          return Effect.flatMap(redis.serverTime, (now) =>
            Effect.as(refreshing.lookAhead(key.text, origin, entry, now), CacheResult.make(entry, "Local", now))
          )
        }),

      getMany: (keys, originAt) =>
        Effect.suspend(() => {
          const values: Array<A> = []
          const early: Array<Effect.Effect<void>> = []
          /** the places of what is not at hand */
          const places: Array<number> = []
          const asked: Array<Started> = []
          if (options.keepsLocally) {
            for (let place = 0; place < keys.length; place++) {
              const key = Array.unsafeGet(keys, place)
              const entry = localHit(key)
              if (entry === undefined) {
                places.push(place)
                asked.push(askedNow(key))
                continue
              }
              values[place] = entry.value
              if (refreshAhead === undefined) continue
              const origin = originAt(place)
              early.push(Effect.flatMap(redis.serverTime, (now) => refreshing.lookAhead(key.text, origin, entry, now)))
            }
          }
          const isAllAbsent = !options.keepsLocally || places.length === keys.length
          const absent = isAllAbsent ? keys : places.map((place) => Array.unsafeGet(keys, place))
          return Effect.flatMap(tier.readMany(absent), (answers) => {
            const later: Array<{ readonly place: number; readonly load: Effect.Effect<A, LoadError<E>> }> = []
            let isAnswered = false
            for (let i = 0; i < answers.length; i++) {
              const answer = answers[i]
              if (answer === undefined) continue
              const key = Array.unsafeGet(absent, i)
              const place = isAllAbsent ? i : (places[i] ?? 0)
              const entry = freshOf(answer)
              if (answer._tag !== "Found" || entry === undefined) {
                later.push({ place, load: Effect.map(loaded(key, originAt(place), answer, 0), ({ value }) => value) })
                continue
              }
              isAnswered = true
              hitRedis(key.text, entry, asked[i] ?? unasked, answer)
              values[place] = entry.value
              if (refreshAhead === undefined) continue
              early.push(refreshing.lookAhead(key.text, originAt(place), entry, answer.serverTime))
            }
            const many: Many<A, E> = { values, later }
            const answered = early.length === 0 ? Exit.succeed(many) : Effect.as(Effect.all(early), many)
            return isAnswered ? noticed(answered) : answered
          })
        }),

      prepareMany: WarmPlan.make({ tier, askedNow, keepRead, load: (key, origin, seen) => fly(key, origin, seen, 0) }),

      getOption: (key) =>
        Effect.gen(function* () {
          const present = localHit(key)
          if (present !== undefined) return Option.some(CacheResult.make(present, "Local", yield* redis.serverTime))
          const asked = askedNow(key)
          const found = yield* Effect.either(tier.read(key))
          if (Either.isLeft(found)) {
            yield* observer.redisFailed(found.left)
            return Option.none()
          }
          yield* observer.redisAnswered
          const { entry, serverTime, trusted } = found.right
          const fresh = freshOf(found.right)
          if (fresh !== undefined) {
            hitRedis(key.text, fresh, asked, found.right)
            return Option.some(CacheResult.make(fresh, "Redis", serverTime))
          }
          if (
            entry !== undefined &&
            trusted &&
            CacheEntry.isStale(entry, serverTime, options.staleMillis(entry.value))
          ) {
            observer.stale(key.text)
            return Option.some(CacheResult.make(entry, "Stale", serverTime))
          }
          observer.miss(key.text)
          return Option.none()
        }),

      refresh: (key, origin) =>
        Effect.gen(function* () {
          invalidation.invalidateLocally({ _tag: "Key", key: key.text })
          const found = yield* Effect.either(tier.read(key))
          if (Either.isLeft(found)) {
            return (yield* fly(key, origin, { newerThan: 0, failure: found.left }, maxJoins)).value
          }
          const { createdAt, entry, trusted } = found.right
          // the clock alone knows the server's time only roughly
          const newerThan = Math.max(createdAt, Math.ceil(yield* redis.serverTime))
          // alone: whoever else looks up may be content with less
          return (yield* fly(key, origin, { newerThan, previous: trusted ? entry : undefined }, maxJoins)).value
        })
    }
  })
