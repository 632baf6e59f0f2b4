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
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Callback from "../../internal/effect/Callback.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { Completed, Flight, FlightCaller, RunningFlight } from "../load/Flight.js"
import type { Loader } from "../load/Loader.js"
import type { LoadError, LoadRequest, LoadResult, ValueSource } from "../load/LoadRequest.js"
import type { SingleFlight } from "../load/SingleFlight.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import * as Transaction from "../lookup/Transaction.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import { causeOf, type Found, noBound, type TierResult } from "../tiers/TierRead.js"
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
    lateJoins: number,
    newerThan: number
  ) => Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface MissLoader<A, E> {
  /**
   * Lets the caller of a read that found nothing wait for a load, in the callback in which it waits for the read. Answers false,
   * and does nothing, for what needs `continue`: stale values, callers that belong to loads or transactions, and the first
   * replies after an outage. The caller accepts values of any age.
   */
  readonly join: (read: WaitingRead<A, E>, found: Found<A>) => boolean
  /**
   * Continues a read whose result is no hit. `lateJoins` counts the flights that its caller joined too late. Nothing that was
   * created at `newerThan` or before is answered.
   */
  readonly continue: (
    key: CacheKey,
    source: ValueSource<A, E>,
    result: TierResult<A>,
    lateJoins: number,
    newerThan: number
  ) => Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>
  /** With `awaitsEnd` the value is also stored, or could not be, when the effect ends. */
  readonly load: (
    key: CacheKey,
    source: ValueSource<A, E>,
    request: LoadRequest<A>,
    lateJoins: number,
    awaitsEnd: boolean
  ) => Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>
  /** The stale entry of a result, if it may still be served and was created after `newerThan`. */
  readonly staleOf: (found: Found<A>, newerThan: number) => CacheEntry.CacheEntry<A> | undefined
}

/**
 * A read of Redis whose caller waits in a callback.
 *
 * @since 0.2.0
 * @category models
 */
export interface WaitingRead<A, E> {
  readonly key: CacheKey
  readonly source: ValueSource<A, E>
  readonly caller: Fiber.RuntimeFiber<unknown, unknown>
  readonly lateJoins: number
  /** Resumes the caller with the result of a load, or with its failure. */
  readonly onLoad: (exit: Exit.Exit<LoadResult<A>, LoadError<E>>) => void
  /** Resumes the caller with the result of another read. */
  readonly onRead: (read: Effect.Effect<CacheResult.CacheResult<A>, LoadError<E>>) => void
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

/** Whether a load has found a stored value, and looked nothing up. */
const isStored = ({ source }: LoadResult<unknown>): boolean => source === "Redis" || source === "Local"

/** What a load must improve on after a read that found nothing for its caller. An entry that is only too old may be revalidated. */
const requestOf = <A>({ createdAt, entry, trusted }: Found<A>, bound: number): LoadRequest<A> =>
  bound === noBound
    ? { newerThan: createdAt, bound }
    : { newerThan: Math.max(createdAt, bound), bound, previous: trusted ? entry : undefined }

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = <A, E>(options: MissLoaderOptions<A, E>): MissLoader<A, E> => {
  const { flights, invalidation, loader, observer, owner, readAgain, refresher, staleMillis } = options

  const observeLoad = (key: string, { source }: LoadResult<A>): void => {
    if (source === "Degraded") observer.degraded()
    else if (source === "Stale") observer.stale(key)
  }

  const resultOf = (key: string, result: LoadResult<A>): Effect.Effect<CacheResult.CacheResult<A>> => {
    observeLoad(key, result)
    return Effect.map(options.serverTime, (now) => CacheResult.ofLoad(result, now))
  }

  const staleOf: MissLoader<A, E>["staleOf"] = ({ entry, serverTime, trusted }, newerThan) =>
    entry !== undefined &&
    trusted &&
    entry.createdAt > newerThan &&
    CacheEntry.isStale(entry, serverTime, staleMillis(entry.value))
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
        onSome: (result) => resultOf(key.text, result),
        onNone: () =>
          Effect.sync(() => {
            observer.stale(key.text)
            return CacheResult.make(entry, "Stale", serverTime)
          })
      })
    )

  /** A caller that joins a flight in the callback in which it waits. */
  class JoinedRead implements FlightCaller<LoadResult<A>, LoadError<E>> {
    readonly awaitsEnd = false
    private isGone = false

    constructor(
      private readonly read: WaitingRead<A, E>,
      private readonly newerThan: number
    ) {}

    start(flight: Flight<LoadResult<A>, LoadError<E>>): void {
      loader.load(this.read.key, this.read.source, { newerThan: this.newerThan, bound: noBound }, flight)
    }

    onInterrupt(flight: RunningFlight<LoadResult<A>, LoadError<E>> | undefined): void {
      this.isGone = true
      flight?.leave(this)
    }

    onOutcome(exit: Exit.Exit<Completed<LoadResult<A>>, LoadError<E>>, isLate: boolean, position: number) {
      if (this.isGone) return
      const { key, lateJoins, source } = this.read
      if (isLate) return this.read.onRead(readAgain(key, source, lateJoins + 1, noBound))
      if (Exit.isFailure(exit)) return this.read.onLoad(Exit.failCause(exit.cause))
      const { value } = exit.value
      if (position > 0 || isStored(value)) observer.lookupSaved()
      observeLoad(key.text, value)
      this.read.onLoad(Exit.succeed(value))
    }
  }

  const join: MissLoader<A, E>["join"] = (read, found) => {
    const { caller, key } = read
    if (
      observer.isRecovering() ||
      staleOf(found, noBound) !== undefined ||
      read.lateJoins >= maxLateJoins ||
      LoadGraph.of(caller) !== undefined ||
      Transaction.isIn(caller)
    ) {
      return false
    }
    const joined = new JoinedRead(read, found.createdAt)
    let flight: RunningFlight<LoadResult<A>, LoadError<E>> | undefined
    if (!Callback.onInterrupt(caller, () => joined.onInterrupt(flight))) return false
    observer.miss(key.text, causeOf(found))
    // the epoch is taken when the load starts, which may be long after the read
    flight = flights.join(caller, key.text, invalidation.epochOf(key.text), joined)
    return true
  }

  const load: MissLoader<A, E>["load"] = (key, source, request, lateJoins, awaitsEnd) =>
    Effect.withFiberRuntime((caller) =>
      Transaction.isIn(caller)
        ? Effect.flatMap(loadAlone(LoadGraph.of(caller), key, source, request), (result) => resultOf(key.text, result))
        : Effect.flatMap(
            // the epoch is taken when the load starts, which may be long after the read
            flights.load(
              key.text,
              invalidation.epochOf(key.text),
              (flight) => loader.load(key, source, request, flight),
              { alone: lateJoins >= maxLateJoins, awaitsEnd, bound: request.bound }
            ),
            ({ joined, late, value }) => {
              // the flight of a caller that accepts older values may have found one
              const isFound = isStored(value) || value.source === "Stale"
              const isTooOld = isFound && value.entry.createdAt <= request.bound
              if (!late && !isTooOld) {
                if (joined || isStored(value)) observer.lookupSaved()
                return resultOf(key.text, value)
              }
              // a caller whose read failed does not wait for Redis a second time
              return request.failure
                ? load(key, source, request, lateJoins + 1, awaitsEnd)
                : readAgain(key, source, lateJoins + 1, request.bound)
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

  const staleOrLoaded = (key: CacheKey, source: ValueSource<A, E>, found: Found<A>, lateJoins: number, bound: number) =>
    Effect.suspend(() => {
      const stale = staleOf(found, bound)
      if (stale !== undefined) return serveStale(key, source, stale, found.serverTime)
      observer.miss(key.text, causeOf(found))
      // others read the older value until the new one is stored: the caller's next read must not be one of them
      return load(key, source, requestOf(found, bound), lateJoins, bound !== noBound)
    })

  return {
    continue: (key, source, result, lateJoins, newerThan) =>
      result._tag === "Found"
        ? afterReply(observer, staleOrLoaded(key, source, result, lateJoins, newerThan))
        : Either.match(Cause.failureOrCause(result.cause), {
            onLeft: (failure) => load(key, source, { newerThan: 0, failure, bound: newerThan }, lateJoins, false),
            onRight: Exit.failCause
          }),
    join,
    load,
    staleOf
  }
}
