/**
 * One load: acquires the lease, looks up, and fills; or waits for the process that holds the lease. Without Redis it looks up
 * without a lease (rules 2 to 5 and 13 of docs/protocol.md).
 *
 * A load is a row of callbacks and no fiber: most of it waits for Redis, and a lookup that answers at once needs no fiber either.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Eager from "../../internal/effect/Eager.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import * as EntryCodec from "../entry/EntryCodec.js"
import type { Bus } from "../invalidation/Bus.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { EntryMarkers, MarkerReply } from "../invalidation/Markers.js"
import { type ReadFailure, readFailureOf, switchedOff } from "../invalidation/outage/ReadFailure.js"
import type { LoadGuard } from "../invalidation/ReadGuard.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import type { LookupRunner } from "../lookup/LookupRunner.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import type { Target } from "../scripts/CacheScript.js"
import * as LeaseScripts from "../scripts/LeaseScripts.js"
import * as WriteScripts from "../scripts/WriteScripts.js"
import type { LocalTier } from "../tiers/LocalTier.js"
import type { RedisTier } from "../tiers/RedisTier.js"
import { freshOf, type Started } from "../tiers/TierRead.js"
import type { TransferTime } from "../tiers/TransferTime.js"
import type * as Acquisition from "./Acquisition.js"
import type { Completed, Flight } from "./Flight.js"
import * as FlightLookup from "./FlightLookup.js"
import type { LeaseRenewal } from "./LeaseRenewal.js"
import { type LoadError, type LoadRequest, type LoadResult, lookupResult, type ValueSource } from "./LoadRequest.js"
import * as OutageMemory from "./OutageMemory.js"
import * as ReplicaLag from "./ReplicaLag.js"

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
  /** for how long an entry is kept, fresh and stale, in whole milliseconds */
  readonly keepMillis: (entry: CacheEntry.CacheEntry<A>) => number
  readonly renewal: LeaseRenewal
  /** a load that waited longer for another's lease runs its own lookup, in milliseconds */
  readonly waitMillis: number
  readonly pollMillis: number
  readonly onUnavailable: "lookup" | "fail"
  readonly keepLocal: LocalTier<A>["keepLoaded"]
  readonly remembered: LocalTier<A>["remembered"]
}

/**
 * What all loads of a cache use.
 *
 * @since 0.2.0
 * @category models
 */
export interface LoadContext<A> extends LoaderOptions<A> {
  readonly clock: Clock.Clock
  readonly executor: RedisExecutor.RedisExecutor
  readonly transfer: TransferTime
  readonly acquisition: Acquisition.Acquisition
  readonly newToken: () => string
  readonly reportLag: Effect.Effect<void>
}

/** A lookup: when it began, and the number of callers that may have its value whatever happens. */
interface Began {
  readonly at: number
  readonly joinedBefore: number
}

/**
 * @since 0.2.0
 * @category models
 */
export class LoadRun<A, E> {
  private readonly target: Target
  private readonly token: string
  private newerThan: number
  private mayHoldLease = false
  private endRenewal: (() => void) | undefined
  private waitsSince: number | undefined
  private contradictions = 0

  constructor(
    private readonly context: LoadContext<A>,
    private readonly key: CacheKey,
    private readonly source: ValueSource<A, E>,
    private readonly request: LoadRequest<A>,
    private readonly flight: Flight<LoadResult<A>, LoadError<E>>
  ) {
    this.target = context.target(key.text)
    this.token = context.newToken()
    this.newerThan = request.newerThan
    flight.onEnd = () => this.release()
  }

  start() {
    const { failure } = this.request
    if (failure === undefined) this.step()
    else this.degraded(failure)
  }

  private now(): number {
    return MonotonicClock.unsafeMillis(this.context.clock)
  }

  // not awaited: the value must not wait for Redis, and the lease expires anyway
  private release() {
    this.endRenewal?.()
    if (!this.mayHoldLease) return
    const { bus, executor } = this.context
    const { target, token } = this
    const message = bus.readyMessage(this.key.text)
    RedisExecutor.unsafeRun(executor, LeaseScripts.release, { ...target, token, message }, () => {})
  }

  private step() {
    const { context, flight, key } = this
    if (!context.guard.mayRead(key.text)) return this.degraded(context.guard.failureOf(key.text))
    const began = { at: this.now(), joinedBefore: flight.joined() }
    this.mayHoldLease = true
    if (context.markers.isClearKnown()) return this.acquire(began)
    flight.run(context.markers.ensureClear, (exit) => {
      if (Exit.isSuccess(exit)) this.acquire(began)
      else this.withFailure(exit.cause, (failure) => this.degradedWithoutLease(failure))
    })
  }

  private acquire(began: Began) {
    const { acquisition, guard } = this.context
    this.newerThan = Math.max(this.newerThan, guard.distrustedUpTo(this.key.text))
    acquisition.acquire(
      { ...this.target, token: this.token, newerThan: this.newerThan },
      this.flight.callback((reply) => this.acquired(began, reply))
    )
  }

  private acquired(began: Began, reply: Exit.Exit<Acquisition.AcquireReply, RedisError>) {
    if (Exit.isFailure(reply)) return this.withFailure(reply.cause, (failure) => this.degradedWithoutLease(failure))
    const { context, key } = this
    const { acquired, lease } = reply.value
    if (!context.acquisition.isUsable(lease, key.text)) {
      return this.degradedWithoutLease(context.guard.failureOf(key.text))
    }
    this.mayHoldLease = acquired[0] === "granted"
    this.flight.hasLease = this.mayHoldLease
    if (acquired[0] === "granted") this.underLease(acquired[1], lease)
    else if (acquired[0] === "value") this.readNewer(began, acquired[1])
    else this.leaseHeld(began.at)
  }

  /** Continues with the failure of a command. Any other cause ends the load. */
  private withFailure(cause: Cause.Cause<RedisError>, next: (failure: ReadFailure) => void) {
    const failure = Cause.failureOrCause(cause)
    if (Either.isLeft(failure)) next(readFailureOf(failure.left))
    else this.flight.end(Exit.failCause(failure.right))
  }

  /**
   * Looks the value up, and renews the lease meanwhile. Continues with the entry, whose age counts from here on: it is as old as
   * what the lookup reads. A failure ends the load, unless `recover` has another result.
   */
  private lookUp(
    isBounded: boolean,
    createdAt: number,
    next: (entry: CacheEntry.CacheEntry<A>) => void,
    recover?: (cause: Cause.Cause<unknown>) => Completed<LoadResult<A>> | undefined
  ) {
    const { flight, key, request } = this
    flight.createdAt = createdAt
    const { renewal } = this.context
    const looked = FlightLookup.start(this.context, key.text, flight, isBounded, (lookup) =>
      this.source.lookup(request.previous, lookup)
    )
    if (flight.hasLease && !Eager.isExit(looked)) this.endRenewal = renewal.start(this.target, this.token)
    flight.run(looked, (exit) => {
      this.endRenewal?.()
      if (Exit.isSuccess(exit)) return next({ ...exit.value, createdAt })
      const recovered = recover?.(exit.cause)
      flight.end(recovered ? Exit.succeed(recovered) : Exit.failCause(exit.cause))
    })
  }

  private degraded(failure: ReadFailure) {
    const { observer, onUnavailable, remembered, serverTime } = this.context
    const { flight, key, request } = this
    // callers that failed with the same reply join before the lookup begins, and so are not late
    flight.run(Effect.zipRight(observer.redisFailed(failure), Effect.yieldNow()), () => {
      const isOff = failure === switchedOff
      if (onUnavailable === "fail" && !isOff) return flight.end(Exit.fail(failure.error))
      const began = { at: this.now(), joinedBefore: flight.joined() }
      this.lookUp(
        // reads of a cache that fails without Redis do not fail by the number of lookups
        onUnavailable === "lookup",
        serverTime(),
        (entry) => this.unconfirmed(entry, began, failure.reason, undefined),
        (cause) => OutageMemory.recall(remembered, key, request.bound, failure.reason, cause)
      )
    })
  }

  /** The lease may be granted and is of no use: a load that the lookup waits for must not wait for it. */
  private degradedWithoutLease(failure: ReadFailure) {
    this.release()
    this.mayHoldLease = false
    this.degraded(failure)
  }

  /**
   * Ends with the result of a lookup that Redis has not confirmed. It is as new as this process knows. Where Redis can be read
   * again, callers that joined after the lookup began need more, and are late.
   */
  private unconfirmed(
    entry: CacheEntry.CacheEntry<A>,
    { at, joinedBefore }: Began,
    reason: string,
    text: string | undefined
  ) {
    const { guard } = this.context
    this.keepLocal(entry, at, text, () =>
      this.flight.end(
        Exit.succeed({
          value: { entry, source: "Degraded", reason },
          // a cache that is switched off still hears of what others write
          joinedBefore:
            reason === switchedOff.reason || guard.mayRead(this.key.text) ? joinedBefore : Number.POSITIVE_INFINITY
        })
      )
    )
  }

  private keepLocal(entry: CacheEntry.CacheEntry<A>, at: number, text: string | undefined, next: () => void) {
    const started: Started = { at, epoch: this.flight.epoch }
    this.flight.run(this.context.keepLocal(this.key, entry, started, text), next)
  }

  private underLease(createdAt: number, lease: Acquisition.LeaseConnections) {
    const { context, flight, key, request } = this
    const began = { at: this.now(), joinedBefore: flight.joined() }
    // after an outage every entry is looked up again: as many lookups as during the outage, and bounded like them
    const isAfterOutage = request.newerThan > 0 && request.newerThan <= context.guard.distrustedUpTo(key.text)
    this.lookUp(isAfterOutage, createdAt, (entry) => {
      flight.close()
      flight.run(EntryCodec.storable(context.codec, context.observer.notStored, key.text, entry), (stored) => {
        if (Exit.isFailure(stored)) return flight.end(Exit.failCause(stored.cause))
        if (stored.value !== undefined) return this.fill(entry, stored.value, lease, began)
        this.removePrevious()
        flight.end(Exit.succeed(lookupResult(entry, began.joinedBefore)))
      })
      // after the fill is sent, where it is sent at once: then its callers' next commands follow it
      flight.answer(lookupResult(entry, began.joinedBefore))
    })
  }

  /** The new value may not be stored: the entry that it replaces must not stay either. */
  private removePrevious() {
    if (this.request.newerThan === 0) return
    const { bus, executor, local } = this.context
    const key = this.key.text
    local.invalidateLocally({ _tag: "Key", key })
    const message = bus.invalidateMessage(key)
    RedisExecutor.unsafeRun(executor, WriteScripts.invalidate, { ...this.target, message }, () => {})
  }

  private fill(
    entry: CacheEntry.CacheEntry<A>,
    content: CacheEntry.Content,
    lease: Acquisition.LeaseConnections,
    began: Began
  ) {
    const { context, flight, target, token } = this
    const { bus, executor, markers, renewal, transfer } = context
    const body = CacheEntry.body(entry, content)
    const keepMillis = context.keepMillis(entry)
    flight.run(renewal.extendFor(target, token, transfer.millisFor(body)), () => {
      const started = { at: this.now(), tagsAcknowledged: context.guard.tagsAcknowledged() }
      // the markers are read in the same flush: the entry is not served if one has moved since the lease was granted
      markers.withMarkers<RedisExecutor.WithGeneration<number>>(
        entry.tags,
        keepMillis,
        (onReply) =>
          RedisExecutor.unsafeRun(
            executor,
            LeaseScripts.fill,
            {
              ...target,
              token,
              created: entry.createdAt,
              body,
              keepMillis,
              message: bus.readyMessage(this.key.text)
            },
            transfer.carrying(body, onReply)
          ),
        flight.callback((replies) => this.filled(entry, content.text, lease, began, started, replies))
      )
    })
  }

  private filled(
    entry: CacheEntry.CacheEntry<A>,
    text: string,
    lease: Acquisition.LeaseConnections,
    began: Began,
    started: { readonly at: number; readonly tagsAcknowledged: number },
    replies: Exit.Exit<readonly [MarkerReply, RedisExecutor.WithGeneration<number>], RedisError>
  ) {
    const { acquisition, guard, observer } = this.context
    const { flight } = this
    const key = this.key.text
    const unconfirmed = () => this.unconfirmed(entry, began, "FillUnconfirmed", text)
    if (Exit.isFailure(replies)) {
      // no caller may be left that learns of it
      return this.withFailure(replies.cause, (failure) => flight.run(observer.redisFailed(failure), unconfirmed))
    }
    const [markers, written] = replies.value
    const isOfLease = written.generation === lease.generation && markers.generation === lease.markerGeneration
    if (!isOfLease || !acquisition.isUsable(lease, key)) return unconfirmed()
    this.mayHoldLease = false
    if (written.value !== 1 || !guard.isTrusted(entry.createdAt, entry.tags, markers, started.tagsAcknowledged, key)) {
      observer.fillRejected()
      return flight.end(Exit.succeed(lookupResult(entry, began.joinedBefore)))
    }
    this.keepLocal(entry, started.at, text, () => flight.end(Exit.succeed(lookupResult(entry, flight.joined()))))
  }

  /** Another process has stored a value, created at `createdAt`: reads it with the markers that may invalidate it. */
  private readNewer({ at, joinedBefore }: Began, createdAt: number) {
    const { flight } = this
    this.context.tier.readTo(
      this.key,
      {
        onResult: flight.callback((found) => {
          if (found._tag === "Failed") {
            const failure = Cause.failureOrCause(found.cause)
            return Either.isLeft(failure) ? this.degraded(failure.left) : flight.end(Exit.failCause(failure.right))
          }
          const entry = freshOf(found, this.newerThan)
          if (entry !== undefined) {
            return this.keepLocal(entry, at, found.text, () =>
              flight.end(Exit.succeed({ value: { entry, source: "Redis", reason: undefined }, joinedBefore }))
            )
          }
          this.newerThan = Math.max(this.newerThan, found.createdAt)
          if (found.createdAt < createdAt) this.retryContradiction()
          else this.step()
        })
      },
      0
    )
  }

  /** The read misses the value that Acquire reported. */
  private retryContradiction() {
    if (++this.contradictions > ReplicaLag.maxContradictions) {
      this.flight.run(this.context.reportLag, () => this.degraded(ReplicaLag.failure))
    } else {
      this.flight.run(ReplicaLag.pauseAfter(this.contradictions), () => this.step())
    }
  }

  private leaseHeld(now: number) {
    const { bus, observer, pollMillis, serverTime, waitMillis } = this.context
    const { flight, key } = this
    observer.leaseHeld()
    this.waitsSince ??= now
    if (LoadGraph.waitsForOwnLease(flight) || now - this.waitsSince >= waitMillis) {
      const joinedBefore = flight.joined()
      return this.lookUp(false, serverTime(), (entry) => flight.end(Exit.succeed(lookupResult(entry, joinedBefore))))
    }
    // polls besides waiting for a message, since messages get lost
    const pause = Effect.flatMap(Random.nextRange(pollMillis / 2, pollMillis), Effect.sleep)
    flight.run(Effect.race(bus.awaitLease(key.text), pause), () => this.step())
  }
}
