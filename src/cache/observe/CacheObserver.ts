/**
 * Counts, emits and logs the events of a cache: every event passes this one module. An event is logged only where an
 * operator must know of it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { LatencyHistogram } from "../../internal/collection/LatencyHistogram.js"
import type { ThrottledLog } from "../../internal/ThrottledLog.js"
import type { CacheCodecError } from "../entry/CacheCodec.js"
import type { Names } from "../entry/CacheKey.js"
import type { OutboxItem } from "../invalidation/outage/Outbox.js"
import { type ReadFailure, switchedOff } from "../invalidation/outage/ReadFailure.js"
import { CacheEvent, type CacheEvents } from "./CacheEvents.js"
import * as Counters from "./Counters.js"
import type { FailureLog } from "./FailureLog.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ObserverOptions {
  readonly names: Names<never>
  readonly lookupLatency: LatencyHistogram
  readonly failureLog: FailureLog
  readonly misfitLog: ThrottledLog
  readonly events: CacheEvents
}

/**
 * Why a read found no value to serve: Redis holds none, one past its time, one that was invalidated, or one that does not
 * decode.
 *
 * @since 0.2.0
 * @category models
 */
export type MissCause = "Absent" | "Expired" | "Invalidated" | "Undecodable"

/**
 * @since 0.1.0
 * @category models
 */
export interface CacheObserver {
  /** The counts since the start. */
  readonly counts: () => Counters.Counters
  /** A fresh value was served from the local tier. `name` is the key's name in this process. */
  readonly hitLocal: (name: string) => void
  /** A fresh value was served from Redis. */
  readonly hitRedis: (key: string) => void
  /** A stale value was served. */
  readonly stale: (key: string) => void
  /** No tier had a value that may be served. */
  readonly miss: (key: string, cause: MissCause) => void
  /** A lookup has answered because Redis could not be used. */
  readonly degraded: () => void
  /** A lookup was rejected because too many were under way without Redis. */
  readonly lookupRejected: () => void
  /** A read was answered by the lookup of another caller. */
  readonly lookupSaved: () => void
  /** A load has found the lease held by another. */
  readonly leaseHeld: () => void
  /** A fill came too late: the value was invalidated or written meanwhile. */
  readonly fillRejected: () => void
  /** A lookup has ended after `millis` milliseconds. */
  readonly lookedUp: (key: string, millis: number, isSuccess: boolean) => void
  /** This process, or another one, has invalidated something. */
  readonly invalidated: (item: OutboxItem, by: "Self" | "Other") => void
  /** A stored value did not decode, and is a miss. Answers the log line, if one is due. */
  readonly notDecoded: (key: string, error: CacheCodecError) => Effect.Effect<void> | undefined
  /** A value, or an error, was not stored. `thrown` is what the schema or the option's function threw. */
  readonly notStored: (why: string, thrown?: unknown, key?: string) => Effect.Effect<void>
  /** A background refresh has died. */
  readonly refreshDied: (key: string, cause: Cause.Cause<unknown>) => Effect.Effect<void>
  /** Whether Redis has failed since it last answered. Otherwise `redisAnswered` does nothing. */
  readonly isRecovering: () => boolean
  /** Redis has answered. */
  readonly redisAnswered: Effect.Effect<void>
  /** Redis has failed an operation. */
  readonly redisFailed: (failure: ReadFailure) => Effect.Effect<void>
}

const nameOf = (item: OutboxItem): string => (item._tag === "Key" ? item.key : item._tag === "Tag" ? item.tag : "")

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ events, failureLog, lookupLatency, misfitLog, names }: ObserverOptions): CacheObserver => {
  const counters = Counters.make()
  let isDegraded = false
  // hits are the hottest path: neither an event nor a closure is made for a hit that nobody takes
  const emitHit = (key: string, tier: "Local" | "Redis") => events.emitFrequent(CacheEvent.Hit({ key, tier }))
  return {
    counts: () => counters,
    hitLocal: (name) => {
      counters.hitsLocal++
      if (events.takesFrequent()) emitHit(names.textOf(name), "Local")
    },
    hitRedis: (key) => {
      counters.hitsRedis++
      if (events.takesFrequent()) emitHit(key, "Redis")
    },
    stale: (key) => {
      counters.staleServed++
      events.emit(() => CacheEvent.Stale({ key }))
    },
    miss: (key, cause) => {
      counters.misses++
      if (cause === "Expired") counters.missesExpired++
      else if (cause === "Invalidated") counters.missesInvalidated++
      events.emit(() => CacheEvent.Miss({ key }))
    },
    degraded: () => {
      counters.degraded++
    },
    lookupRejected: () => {
      counters.lookupsRejected++
    },
    lookupSaved: () => {
      counters.lookupsSaved++
    },
    leaseHeld: () => {
      counters.leaseWaits++
    },
    fillRejected: () => {
      counters.fillsRejected++
    },
    lookedUp: (key, millis, isSuccess) => {
      counters.lookups++
      if (!isSuccess) counters.lookupFailures++
      lookupLatency.note(millis)
      events.emit(() => CacheEvent.Lookup({ key, took: Duration.millis(millis), isSuccess }))
    },
    invalidated: (item, by) => {
      if (by === "Self") counters.invalidations++
      events.emit(() =>
        CacheEvent.Invalidation({ of: item._tag === "Clear" ? "All" : item._tag, name: nameOf(item), by })
      )
    },
    notDecoded: (key, { cause, message }) => {
      counters.decodeFailures++
      return misfitLog.note({
        what: "a stored value is a miss",
        why: message,
        cause: cause === undefined ? undefined : Cause.die(cause),
        key
      })
    },
    notStored: (why, thrown, key) =>
      Effect.suspend(() => {
        counters.storeFailures++
        const cause = thrown === undefined ? undefined : Cause.die(thrown)
        return misfitLog.note({ what: "a value is not stored", why, cause, key }) ?? Effect.void
      }),
    refreshDied: (key, cause) =>
      Effect.suspend(
        () => misfitLog.note({ what: "a refresh in the background", why: "its lookup died", cause, key }) ?? Effect.void
      ),
    isRecovering: () => isDegraded || failureLog.isAway(),
    redisAnswered: Effect.suspend(() => {
      if (isDegraded) {
        isDegraded = false
        events.emit(() => CacheEvent.Recovery())
      }
      return failureLog.succeeded
    }),
    redisFailed: (failure) =>
      Effect.suspend(() => {
        if (failure === switchedOff) return Effect.void
        counters.redisFailures++
        // other keys are still read
        if (failure.isPending) return Effect.void
        if (!isDegraded) {
          isDegraded = true
          events.emit(() => CacheEvent.Degradation({ reason: failure.reason }))
        }
        return failureLog.failed(failure.error)
      })
  }
}
