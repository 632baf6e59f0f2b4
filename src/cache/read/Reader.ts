/**
 * Reads values: from the local tier, then from Redis, then by a lookup (rules 1 and 2 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Callback from "../../internal/effect/Callback.js"
import type * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { Loader } from "../load/Loader.js"
import type { LoadError, LoadResult, ValueSource } from "../load/LoadRequest.js"
import * as SingleFlight from "../load/SingleFlight.js"
import type { Load } from "../lookup/LoadGraph.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import type { LocalTier } from "../tiers/LocalTier.js"
import {
  causeOf,
  type Found,
  freshOf,
  noBound,
  type ReadListener,
  type Started,
  type TierResult,
  type ValueTier
} from "../tiers/TierRead.js"
import * as CacheResult from "./CacheResult.js"
import * as MissLoader from "./MissLoader.js"
import * as ReadBound from "./ReadBound.js"
import * as Refresher from "./Refresher.js"
import * as WarmPlan from "./WarmPlan.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ReaderOptions<A, E> extends Omit<Refresher.RefresherOptions<A, E>, "flights"> {
  /** the owner of the loads */
  readonly owner: Load["owner"]
  /** the server's time by this process's estimate, in milliseconds */
  readonly serverTime: Effect.Effect<number>
  readonly local: LocalTier<A>
  readonly tier: ValueTier<A>
  readonly loader: Loader<A, E>
  readonly invalidation: LocalInvalidation
  readonly observer: CacheObserver
  /** how long a value is stale after its time to live, in milliseconds */
  readonly staleMillis: (value: A) => number
}

/**
 * The result of a read of several keys: the values that were found, at the places of their keys, and the loads of the others.
 *
 * @since 0.1.0
 * @category models
 */
export interface Many<A, E> {
  readonly values: Array<A>
  readonly misses: ReadonlyArray<{ readonly place: number; readonly load: Effect.Effect<A, LoadError<E>> }>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Reader<A, E> {
  /** whether a local hit needs nothing but its value: the local tier is on, and hits refresh nothing ahead */
  readonly hasPlainLocalHits: boolean
  /** The local entry under a name, counted as a hit. */
  readonly localHit: (name: string) => CacheEntry.CacheEntry<A> | undefined
  /**
   * Reads a key from Redis and resumes the caller with the mapped value. Where hits of the local tier refresh ahead, the
   * local tier is read first.
   */
  readonly readMapped: <B, E2>(
    ofValue: (value: A) => Effect.Effect<B, E2>
  ) => (
    key: CacheKey,
    source: ValueSource<A, E>,
    resume: (next: Effect.Effect<B, E2 | LoadError<E>>) => void,
    caller: Fiber.RuntimeFiber<unknown, unknown>
  ) => void
  readonly getResult: (
    key: CacheKey,
    source: ValueSource<A, E>,
    bound?: ReadBound.ReadBound
  ) => Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>
  /** Reads several keys, all different, with one read of Redis. */
  readonly getMany: (
    keys: ReadonlyArray<CacheKey>,
    sourceAt: (place: number) => ValueSource<A, E>,
    bound?: ReadBound.ReadBound
  ) => Effect.Effect<Many<A, E>>
  readonly planWarming: WarmPlan.PlanMany<A, E>
  /** The value that the cache holds, fresh or stale. It never loads. */
  readonly getOption: (
    key: CacheKey,
    bound?: ReadBound.ReadBound
  ) => Effect.Effect<Option.Option<CacheResult.CacheResult<A>>>
  /** Loads now, whatever is stored. */
  readonly refresh: (key: CacheKey, source: ValueSource<A, E>) => Effect.Effect<A, LoadError<E>>
}

/** Maps the outcome of a read to what its caller gets: a value, or a `CacheResult`. */
interface Mapping<A, E, B, E2> {
  readonly ofHit: (entry: CacheEntry.CacheEntry<A>, serverTime: number) => Effect.Effect<B, E2>
  readonly ofLoad: (result: LoadResult<A>) => Effect.Effect<B, E2>
  readonly ofResult: (result: CacheResult.CacheResult<A>) => Effect.Effect<B, E2>
  /** What the caller continues with; undefined where it waits for a load, and is resumed after that. */
  readonly next: (
    result: TierResult<A>,
    read: PendingRead<A, E, B, E2>
  ) => Effect.Effect<B, E2 | LoadError<E>> | undefined
}

/** One read of Redis. Its caller resumes in the turn of the event loop in which the reply arrives. */
class PendingRead<A, E, B, E2> implements ReadListener<A>, MissLoader.WaitingRead<A, E> {
  constructor(
    readonly key: CacheKey,
    readonly source: ValueSource<A, E>,
    readonly started: Started,
    /** the flights that this caller joined too late */
    readonly lateJoins: number,
    /** the caller accepts no entry that was created then or before */
    readonly newerThan: number,
    readonly mapping: Mapping<A, E, B, E2>,
    readonly resume: (next: Effect.Effect<B, E2 | LoadError<E>>) => void,
    readonly caller: Fiber.RuntimeFiber<unknown, unknown>
  ) {}

  onResult(result: TierResult<A>): void {
    const next = this.mapping.next(result, this)
    if (next !== undefined) this.resume(next)
  }

  onLoad(exit: Exit.Exit<LoadResult<A>, LoadError<E>>): void {
    this.resume(Exit.isSuccess(exit) ? this.mapping.ofLoad(exit.value) : Exit.failCause(exit.cause))
  }

  onRead(read: Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>): void {
    this.resume(Effect.flatMap(read, this.mapping.ofResult))
  }
}

/**
 * The flights of its loads end with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: ReaderOptions<A, E>): Effect.Effect<Reader<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { invalidation, local, observer, refreshAhead, tier } = options
    const flights = yield* SingleFlight.make<LoadResult<A>, LoadError<E>>(options.owner)
    const refresher = yield* Refresher.make({ ...options, flights })
    const misses = MissLoader.make<A, E>({
      ...options,
      flights,
      refresher,
      readAgain: (key, source, lateJoins, newerThan) => readResult(key, source, lateJoins, newerThan)
    })

    const hitRedis = (
      key: CacheKey,
      entry: CacheEntry.CacheEntry<A>,
      started: Started,
      { text = "" }: Found<A>
    ): void => {
      observer.hitRedis(key.text)
      local.keep(key, entry, started, text)
    }

    const next = <B, E2>(
      result: TierResult<A>,
      read: PendingRead<A, E, B, E2>
    ): Effect.Effect<B, E2 | LoadError<E>> | undefined => {
      const { key, lateJoins, mapping, newerThan, source, started } = read
      const entry = freshOf(result, newerThan)
      if (result._tag !== "Found" || entry === undefined) {
        if (result._tag === "Found" && newerThan === noBound && misses.join(read, result)) return undefined
        return Effect.flatMap(misses.continue(key, source, result, lateJoins, newerThan), mapping.ofResult)
      }
      hitRedis(key, entry, started, result)
      const hit = mapping.ofHit(entry, result.serverTime)
      return MissLoader.afterReply(
        observer,
        refreshAhead === undefined
          ? hit
          : Effect.zipRight(refresher.refreshAhead(key, source, entry, result.serverTime), hit)
      )
    }

    const readRedis = <B, E2>(
      key: CacheKey,
      source: ValueSource<A, E>,
      lateJoins: number,
      newerThan: number,
      mapping: Mapping<A, E, B, E2>,
      resume: (next: Effect.Effect<B, E2 | LoadError<E>>) => void,
      caller: Fiber.RuntimeFiber<unknown, unknown>
    ): void =>
      tier.readTo(key, new PendingRead(key, source, local.start(key), lateJoins, newerThan, mapping, resume, caller), 0)

    const readResult = (
      key: CacheKey,
      source: ValueSource<A, E>,
      lateJoins: number,
      newerThan: number
    ): Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>> =>
      Callback.makeInTurn((resume, caller) => readRedis(key, source, lateJoins, newerThan, toResult, resume, caller))

    const toResult: Mapping<A, E, CacheResult.CacheResult<A>, never> = {
      ofHit: (entry, serverTime) => Exit.succeed(CacheResult.make(entry, "Redis", serverTime)),
      ofLoad: (result) => Effect.map(options.serverTime, (now) => CacheResult.ofLoad(result, now)),
      ofResult: Exit.succeed,
      next
    }
    const toValue = <B, E2>(ofValue: (value: A) => Effect.Effect<B, E2>): Mapping<A, E, B, E2> => ({
      ofHit: ({ value }) => ofValue(value),
      ofLoad: ({ entry }) => ofValue(entry.value),
      ofResult: ({ value }) => ofValue(value),
      next
    })

    const localHit = (name: string): CacheEntry.CacheEntry<A> | undefined => {
      const entry = local.get(name)
      if (entry !== undefined) observer.hitLocal(name)
      return entry
    }

    /** The local entry of a key that a call may have, counted as a hit. */
    const localHitWithin = (
      key: CacheKey,
      bound: ReadBound.ReadBound | undefined,
      newerThan: number
    ): CacheEntry.CacheEntry<A> | undefined => {
      if (bound === undefined) return localHit(key.name)
      const entry = bound.usesLocal ? local.get(key.name) : undefined
      if (entry === undefined || entry.createdAt <= newerThan) return undefined
      observer.hitLocal(key.name)
      return entry
    }

    const localResult = (key: CacheKey, source: ValueSource<A, E>, entry: CacheEntry.CacheEntry<A>, now: number) =>
      Effect.as(refresher.refreshAhead(key, source, entry, now), CacheResult.make(entry, "Local", now))

    const getWithin = (key: CacheKey, source: ValueSource<A, E>, bound: ReadBound.ReadBound) =>
      Effect.flatMap(options.serverTime, (now) => {
        const newerThan = ReadBound.newerThan(bound, now)
        const entry = localHitWithin(key, bound, newerThan)
        return entry === undefined ? readResult(key, source, 0, newerThan) : localResult(key, source, entry, now)
      })

    const refreshLocalAhead = (key: CacheKey, source: ValueSource<A, E>, entry: CacheEntry.CacheEntry<A>) =>
      Effect.flatMap(options.serverTime, (now) => refresher.refreshAhead(key, source, entry, now))

    return {
      hasPlainLocalHits: local.isEnabled && refreshAhead === undefined,
      localHit,

      readMapped: <B, E2>(ofValue: (value: A) => Effect.Effect<B, E2>) => {
        const mapping = toValue(ofValue)
        return (
          key: CacheKey,
          source: ValueSource<A, E>,
          resume: (next: Effect.Effect<B, E2 | LoadError<E>>) => void,
          caller: Fiber.RuntimeFiber<unknown, unknown>
        ) => {
          const entry = refreshAhead === undefined ? undefined : localHit(key.name)
          if (entry === undefined) readRedis(key, source, 0, noBound, mapping, resume, caller)
          else resume(Effect.zipRight(refreshLocalAhead(key, source, entry), ofValue(entry.value)))
        }
      },

      getResult: (key, source, bound) =>
        Effect.suspend(() => {
          if (bound !== undefined) return getWithin(key, source, bound)
          const entry = localHit(key.name)
          if (entry === undefined) return readResult(key, source, 0, noBound)
          return Effect.flatMap(options.serverTime, (now) => localResult(key, source, entry, now))
        }),

      getMany: (keys, sourceAt, bound) =>
        Effect.flatMap(options.serverTime, (now) => {
          const newerThan = ReadBound.newerThan(bound, now)
          const values: Array<A> = []
          const refreshes: Array<Effect.Effect<void>> = []
          /** the places of the keys that the local tier does not hold */
          const places: Array<number> = []
          const starts: Array<Started> = []
          for (let place = 0; local.isEnabled && place < keys.length; place++) {
            const key = Array.unsafeGet(keys, place)
            const entry = localHitWithin(key, bound, newerThan)
            if (entry === undefined) {
              places.push(place)
              starts.push(local.start(key))
              continue
            }
            values[place] = entry.value
            if (refreshAhead !== undefined) refreshes.push(refreshLocalAhead(key, sourceAt(place), entry))
          }
          const areAllAbsent = !local.isEnabled || places.length === keys.length
          const absent = areAllAbsent ? keys : places.map((place) => Array.unsafeGet(keys, place))
          return Effect.flatMap(tier.readMany(absent), (results) => {
            const loads: Array<Many<A, E>["misses"][number]> = []
            let isAnswered = false
            for (let i = 0; i < results.length; i++) {
              const result = Array.unsafeGet(results, i)
              const key = Array.unsafeGet(absent, i)
              const place = areAllAbsent ? i : Array.unsafeGet(places, i)
              const entry = freshOf(result, newerThan)
              if (result._tag !== "Found" || entry === undefined) {
                const load = misses.continue(key, sourceAt(place), result, 0, newerThan)
                loads.push({ place, load: Effect.map(load, ({ value }) => value) })
                continue
              }
              isAnswered = true
              hitRedis(key, entry, starts[i] ?? local.start(key), result)
              values[place] = entry.value
              if (refreshAhead !== undefined) {
                refreshes.push(refresher.refreshAhead(key, sourceAt(place), entry, result.serverTime))
              }
            }
            const many: Many<A, E> = { values, misses: loads }
            const answered = refreshes.length === 0 ? Exit.succeed(many) : Effect.as(Effect.all(refreshes), many)
            return isAnswered ? MissLoader.afterReply(observer, answered) : answered
          })
        }),

      planWarming: WarmPlan.make({
        tier,
        local,
        load: (key, source, request) => misses.load(key, source, request, 0, true)
      }),

      getOption: (key, bound) =>
        Effect.gen(function* () {
          const now = yield* options.serverTime
          const newerThan = ReadBound.newerThan(bound, now)
          const present = localHitWithin(key, bound, newerThan)
          if (present !== undefined) return Option.some(CacheResult.make(present, "Local", now))
          const started = local.start(key)
          const found = yield* Effect.either(tier.read(key))
          if (Either.isLeft(found)) {
            yield* observer.redisFailed(found.left)
            return Option.none()
          }
          yield* observer.redisAnswered
          const { serverTime } = found.right
          const fresh = freshOf(found.right, newerThan)
          if (fresh !== undefined) {
            hitRedis(key, fresh, started, found.right)
            return Option.some(CacheResult.make(fresh, "Redis", serverTime))
          }
          const stale = misses.staleOf(found.right, newerThan)
          if (stale !== undefined) {
            observer.stale(key.text)
            return Option.some(CacheResult.make(stale, "Stale", serverTime))
          }
          observer.miss(key.text, causeOf(found.right))
          return Option.none()
        }),

      refresh: (key, source) =>
        Effect.gen(function* () {
          invalidation.overtake(key.text)
          const found = yield* Effect.either(tier.read(key))
          // alone: a load that is under way may accept an older value
          const alone = MissLoader.maxLateJoins
          if (Either.isLeft(found)) {
            return (yield* misses.load(key, source, { newerThan: 0, bound: noBound, failure: found.left }, alone, true))
              .value
          }
          const { createdAt, entry, trusted } = found.right
          // this process knows the server's time only roughly
          const newerThan = Math.max(createdAt, Math.ceil(yield* options.serverTime))
          const previous = trusted ? entry : undefined
          return (yield* misses.load(key, source, { newerThan, bound: noBound, previous }, alone, true)).value
        })
    }
  })
