/**
 * Loads one value under a lease, or waits for the process that holds the lease. Without Redis it loads without a lease
 * (rules 2 to 5 and 13 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { tracing } from "../../internal/Tracing.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import * as EntryCodec from "../entry/EntryCodec.js"
import type { Bus } from "../invalidation/Bus.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { EntryMarkers } from "../invalidation/Markers.js"
import { type ReadFailure, readFailureOf } from "../invalidation/outage/ReadFailure.js"
import type { LoadGuard } from "../invalidation/ReadGuard.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import type { Lookup, LookupOverloaded, LookupRunner, LookupTimeout } from "../lookup/LookupRunner.js"
import type { NewEntry } from "../lookup/Source.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import type { Target } from "../scripts/CacheScript.js"
import * as LeaseScripts from "../scripts/LeaseScripts.js"
import * as WriteScripts from "../scripts/WriteScripts.js"
import type { LocalTier } from "../tiers/LocalTier.js"
import type { RedisTier } from "../tiers/RedisTier.js"
import { freshOf } from "../tiers/TierRead.js"
import * as TransferTime from "../tiers/TransferTime.js"
import * as Acquisition from "./Acquisition.js"
import type { LeaseRenewal } from "./LeaseRenewal.js"
import * as ReplicaLag from "./ReplicaLag.js"
import type { Completed, Flight } from "./SingleFlight.js"

/**
 * An entry and where it came from.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoadResult<out A> {
  readonly entry: CacheEntry.CacheEntry<A>
  readonly source: "Redis" | "Lookup" | "Degraded"
  /** why Redis was not used; present when the source is `Degraded` */
  readonly reason: string | undefined
}

/**
 * The failures of a load. It fails with a `RedisError` only where `onUnavailable` is `fail`.
 *
 * @since 0.1.0
 * @category errors
 */
export type LoadError<E> = E | LoadGraph.LookupCycle | LookupOverloaded | LookupTimeout | RedisError

/**
 * @since 0.1.0
 * @category models
 */
export interface LoaderOptions<A> extends Pick<Acquisition.AcquisitionOptions, "creation" | "leaseMillis"> {
  /** the cache's */
  readonly name: string
  readonly redis: RedisClient.Service
  readonly tier: RedisTier<A>
  readonly guard: LoadGuard
  readonly markers: EntryMarkers
  /** the server's time by this process's estimate, in milliseconds */
  readonly serverTime: () => number
  readonly local: Pick<LocalInvalidation, "invalidateLocally">
  readonly bus: Pick<Bus, "awaitLease" | "invalidateMessage" | "readyMessage">
  readonly codec: EntryCodec.EntryCodec<A>
  readonly lookups: LookupRunner
  readonly observer: Pick<CacheObserver, "fillRejected" | "leaseHeld" | "notStored" | "redisFailed">
  readonly target: (key: string) => Target
  /** for how long a value is kept beyond its time to live, in milliseconds */
  readonly staleMillis: (value: A) => number
  readonly renewal: LeaseRenewal
  /** a load that waited longer for another's lease runs its own lookup, in milliseconds */
  readonly waitMillis: number
  readonly pollMillis: number
  readonly onUnavailable: "lookup" | "fail"
  readonly keepLocal: LocalTier<A>["keepLoaded"]
}

/**
 * The source of one key's value.
 *
 * @since 0.1.0
 * @category models
 */
export interface ValueSource<A, E> {
  /** Looks up the value and its attributes. `previous` is the cached entry, if it may still be served. */
  readonly lookup: (
    previous: CacheEntry.CacheEntry<A> | undefined,
    lookup: Lookup
  ) => Effect.Effect<NewEntry<A>, E | LookupTimeout>
}

/**
 * What a load must improve on.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoadRequest<A> {
  /** An entry created then or before is not accepted. */
  readonly newerThan: number
  /** The failure of the caller's read. The load then skips Redis: a read costs one timeout, not several. */
  readonly failure?: ReadFailure | undefined
  /** The trusted entry that the load refreshes. */
  readonly previous?: CacheEntry.CacheEntry<A> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Loader<A, E> {
  /** Loads a value for all callers of a flight. */
  readonly load: (
    key: CacheKey,
    source: ValueSource<A, E>,
    request: LoadRequest<A>
  ) => (flight: Flight) => Effect.Effect<Completed<LoadResult<A>>, LoadError<E>>
  /**
   * Looks up a value for one caller, in that caller's fiber and context. It stores nothing and waits for no other load.
   * Without Redis it needs no permit, since few transactions run at once.
   */
  readonly loadAlone: (
    key: string,
    source: ValueSource<A, E>,
    request: LoadRequest<A>
  ) => Effect.Effect<LoadResult<A>, LoadError<E>>
}

/** What a load completes its flight with. */
type Outcome<A, E> = Effect.Effect<Completed<LoadResult<A>>, LoadError<E>>

/** The result of a lookup that no tier keeps for late callers. */
const lookupResult = <A>(entry: CacheEntry.CacheEntry<A>, joinedBefore: number): Completed<LoadResult<A>> => ({
  value: { entry, source: "Lookup", reason: undefined },
  joinedBefore
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(options: LoaderOptions<A>): Effect.Effect<Loader<A, E>> =>
  Effect.map(Effect.clock, (clock) => {
    const { bus, codec, guard, lookups, markers, observer, redis, renewal, serverTime, tier } = options
    const transfer = TransferTime.of(redis)
    const executor = RedisExecutor.of(redis)
    const acquisition = Acquisition.make({ ...options, executor })

    /**
     * The result of a lookup that Redis has not confirmed. It is as new as this process knows. Where Redis can be read
     * again, callers that joined after the lookup began need more, and are late.
     */
    const degradedResult = (
      key: CacheKey,
      entry: CacheEntry.CacheEntry<A>,
      flight: Flight,
      lookup: {
        readonly at: number
        readonly joinedBefore: number
        readonly text?: string
        readonly reason: string
      }
    ): Effect.Effect<Completed<LoadResult<A>>> =>
      Effect.map(options.keepLocal(key, entry, { at: lookup.at, epoch: flight.epoch }, lookup.text), () => ({
        value: { entry, source: "Degraded", reason: lookup.reason },
        joinedBefore: guard.mayRead(key.text) ? lookup.joinedBefore : Number.POSITIVE_INFINITY
      }))

    const reportLag = ReplicaLag.makeReport()

    const load: Loader<A, E>["load"] = (cacheKey, source, request) => (flight) => {
      const key = cacheKey.text
      const target = options.target(key)
      const token = crypto.randomUUID()
      const lookUp = (isBounded: boolean) => {
        const looked = lookups.run(key, isBounded, (lookup) => source.lookup(request.previous, lookup))
        return tracing.listener === undefined ? looked : tracing.listener.lookup(options.name, key, flight, looked)
      }
      let newerThan = request.newerThan
      let mayHoldLease = false
      let endRenewal = () => {}
      let waitsSince: number | undefined
      let contradictions = 0

      // not awaited: the value must not wait for Redis, and the lease expires anyway
      const release = () => {
        endRenewal()
        if (!mayHoldLease) return
        RedisExecutor.unsafeRun(
          executor,
          LeaseScripts.release,
          { ...target, token, message: bus.readyMessage(key) },
          () => {}
        )
      }

      const degraded = (failure: ReadFailure): Outcome<A, E> =>
        Effect.zipRight(
          // callers that failed with the same reply join before the lookup begins, and so are not late
          Effect.zipRight(observer.redisFailed(failure), Effect.yieldNow()),
          Effect.suspend((): Outcome<A, E> => {
            if (options.onUnavailable === "fail") return Effect.fail(failure.error)
            const joinedBefore = flight.joined()
            const at = MonotonicClock.unsafeMillis(clock)
            return Effect.flatMap(lookUp(true), (value) =>
              degradedResult(cacheKey, { ...value, createdAt: serverTime() }, flight, {
                at,
                joinedBefore,
                reason: failure.reason
              })
            )
          })
        )

      /** The new value may not be stored: the entry that it replaces must not stay either. */
      const removePrevious = () => {
        if (request.newerThan === 0) return
        options.local.invalidateLocally({ _tag: "Key", key })
        RedisExecutor.unsafeRun(
          executor,
          WriteScripts.invalidate,
          { ...target, message: bus.invalidateMessage(key) },
          () => {}
        )
      }

      const fill = (
        entry: CacheEntry.CacheEntry<A>,
        content: CacheEntry.Content,
        lease: Acquisition.LeaseConnections,
        { at, joinedBefore }: { readonly at: number; readonly joinedBefore: number }
      ): Effect.Effect<Completed<LoadResult<A>>> => {
        const keepMillis = Math.ceil(entry.timeToLive + options.staleMillis(entry.value))
        const filledAt = MonotonicClock.unsafeMillis(clock)
        const tagsAcknowledged = guard.tagsAcknowledged()
        const { text } = content
        const unconfirmed = () =>
          degradedResult(cacheKey, entry, flight, { at, joinedBefore, text, reason: "FillUnconfirmed" })
        const body = CacheEntry.body(entry, content)
        // the markers are read in the same flush: the entry is not served if one has moved since the lease was granted
        const sent = markers.withMarkers<RedisExecutor.WithGeneration<number>>(entry.tags, keepMillis, (onReply) =>
          RedisExecutor.unsafeRun(
            executor,
            LeaseScripts.fill,
            { ...target, token, created: entry.createdAt, body, keepMillis, message: bus.readyMessage(key) },
            transfer.carrying(body, onReply)
          )
        )
        return Effect.matchEffect(renewal.extendedFor(target, token, transfer.millisFor(body), sent), {
          onFailure: unconfirmed,
          onSuccess: ({ markers, written }) => {
            const isOfLease = written.generation === lease.generation && markers.generation === lease.markerGeneration
            if (!isOfLease || !acquisition.isUsable(lease, key)) return unconfirmed()
            mayHoldLease = false
            if (written.value !== 1 || !guard.isTrusted(entry.createdAt, entry.tags, markers, tagsAcknowledged, key)) {
              observer.fillRejected()
              return Exit.succeed(lookupResult(entry, joinedBefore))
            }
            return Effect.map(options.keepLocal(cacheKey, entry, { at: filledAt, epoch: flight.epoch }, text), () =>
              lookupResult(entry, flight.joined())
            )
          }
        })
      }

      const underLease = (createdAt: number, lease: Acquisition.LeaseConnections): Outcome<A, E> => {
        const at = MonotonicClock.unsafeMillis(clock)
        const joinedBefore = flight.joined()
        // after an outage every entry is looked up again: as many lookups as during the outage, and bounded like them
        const isAfterOutage = request.newerThan > 0 && request.newerThan <= guard.distrustedUpTo(key)
        endRenewal = renewal.start(target, token)
        return Effect.flatMap(lookUp(isAfterOutage), (value) => {
          endRenewal()
          flight.close()
          const entry = { ...value, createdAt }
          return Effect.flatMap(EntryCodec.storable(codec, observer.notStored, key, entry), (content) => {
            if (content !== undefined) return fill(entry, content, lease, { at, joinedBefore })
            removePrevious()
            return Exit.succeed(lookupResult(entry, joinedBefore))
          })
        })
      }

      const acquire = Effect.suspend(() => {
        newerThan = Math.max(newerThan, guard.distrustedUpTo(key))
        return acquisition.acquire({ ...target, token, newerThan })
      })

      /** The lease may be granted and is of no use: a load that the lookup waits for must not wait for it. */
      const degradedWithoutLease = (failure: ReadFailure) => {
        release()
        mayHoldLease = false
        return degraded(failure)
      }

      const step: Outcome<A, E> = Effect.suspend(() => {
        if (!guard.mayRead(key)) return degraded(guard.failureOf(key))
        const joinedBefore = flight.joined()
        const at = MonotonicClock.unsafeMillis(clock)
        mayHoldLease = true
        return Effect.matchEffect(Effect.zipRight(markers.ensureClear, acquire), {
          onFailure: (error) => degradedWithoutLease(readFailureOf(error)),
          onSuccess: ({ acquired, lease }) => {
            if (!acquisition.isUsable(lease, key)) return degradedWithoutLease(guard.failureOf(key))
            mayHoldLease = acquired[0] === "granted"
            flight.hasLease = mayHoldLease
            if (acquired[0] === "granted") return underLease(acquired[1], lease)
            return acquired[0] === "value" ? readNewer(at, joinedBefore, acquired[1]) : leaseHeld(at)
          }
        })
      })

      /** Another process has stored a value, created at `createdAt`: reads it with the markers that may invalidate it. */
      const readNewer = (at: number, joinedBefore: number, createdAt: number) =>
        Effect.matchEffect(tier.read(cacheKey), {
          onFailure: degraded,
          onSuccess: (found) => {
            const entry = freshOf(found)
            if (entry !== undefined) {
              return Effect.map(options.keepLocal(cacheKey, entry, { at, epoch: flight.epoch }, found.text), () => ({
                value: { entry, source: "Redis", reason: undefined } as const,
                joinedBefore
              }))
            }
            newerThan = Math.max(newerThan, found.createdAt)
            return found.createdAt < createdAt ? retryContradiction() : step
          }
        })

      /** The read misses the value that Acquire reported. */
      const retryContradiction = (): Outcome<A, E> =>
        ++contradictions > ReplicaLag.maxContradictions
          ? Effect.zipRight(reportLag, degraded(ReplicaLag.failure))
          : Effect.zipRight(ReplicaLag.pauseAfter(contradictions), step)

      const leaseHeld = (now: number) => {
        observer.leaseHeld()
        waitsSince ??= now
        if (LoadGraph.waitsForOwnLease(flight) || now - waitsSince >= options.waitMillis) {
          const joinedBefore = flight.joined()
          return Effect.map(lookUp(false), (value) => lookupResult({ ...value, createdAt: serverTime() }, joinedBefore))
        }
        // polls besides waiting for a message, since messages get lost
        return Effect.flatMap(Random.nextRange(options.pollMillis / 2, options.pollMillis), (pause) =>
          Effect.zipRight(Effect.race(bus.awaitLease(key), Effect.sleep(pause)), step)
        )
      }

      return Effect.ensuring(request.failure === undefined ? step : degraded(request.failure), Effect.sync(release))
    }

    const loadAlone: Loader<A, E>["loadAlone"] = (key, source, { failure }) => {
      const looked: Effect.Effect<LoadResult<A>, LoadError<E>> = Effect.map(
        lookups.run(key, false, (lookup) => source.lookup(undefined, { ...lookup, isAlone: true })),
        (value) => ({
          entry: { ...value, createdAt: serverTime() },
          source: failure === undefined ? "Lookup" : "Degraded",
          reason: failure?.reason
        })
      )
      if (failure === undefined) return looked
      return Effect.zipRight(observer.redisFailed(failure), options.onUnavailable === "fail" ? failure.error : looked)
    }

    return { load, loadAlone }
  })
