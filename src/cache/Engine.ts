/**
 * Assembles the parts of one cache: tiers, invalidation, loads, reads and writes.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as LatencyHistogram from "../internal/collection/LatencyHistogram.js"
import * as Observed from "../internal/Observed.js"
import * as ThrottledLog from "../internal/ThrottledLog.js"
import { RedisClient } from "../redis/RedisClient.js"
import { maxTimeToLive } from "../redis/RedisCommands.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import type { CacheSettings, Failures } from "./CacheOptions.js"
import * as CacheOverrides from "./CacheOverrides.js"
import * as CacheCodec from "./entry/CacheCodec.js"
import type { Names } from "./entry/CacheKey.js"
import * as ContentEncoding from "./entry/ContentEncoding.js"
import * as EntryCodec from "./entry/EntryCodec.js"
import * as Migration from "./entry/Migration.js"
import * as CacheServers from "./invalidation/CacheServers.js"
import * as Invalidation from "./invalidation/Invalidation.js"
import { markerKeys } from "./invalidation/Markers.js"
import * as LeaseRenewal from "./load/LeaseRenewal.js"
import * as Loader from "./load/Loader.js"
import type { Load } from "./lookup/LoadGraph.js"
import * as LookupRunner from "./lookup/LookupRunner.js"
import type { NewEntry } from "./lookup/Source.js"
import * as CacheEvents from "./observe/CacheEvents.js"
import * as CacheObserver from "./observe/CacheObserver.js"
import type { CacheStats } from "./observe/CacheStats.js"
import * as FailureLog from "./observe/FailureLog.js"
import { observedCaches } from "./observe/ObservedCaches.js"
import * as Reader from "./read/Reader.js"
import * as CacheScript from "./scripts/CacheScript.js"
import * as LocalTier from "./tiers/LocalTier.js"
import * as RedisTier from "./tiers/RedisTier.js"
import * as TrackedTier from "./tiers/TrackedTier.js"
import * as Writer from "./write/Writer.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Engine<A, E> {
  readonly reader: Reader.Reader<A, E>
  readonly writer: Writer.Writer<A>
  /** the owner of the loads */
  readonly owner: Load["owner"]
  readonly lookups: LookupRunner.LookupRunner
  readonly observer: CacheObserver.CacheObserver
  /** the server's time by this process's estimate, in milliseconds */
  readonly serverTime: () => number
  /** whether reads go to Redis now */
  readonly isAvailable: () => boolean
  readonly stats: () => CacheStats
  readonly local: LocalTier.LocalTier<A>
  readonly codec: EntryCodec.EntryCodec<A>
  /** what settings at run time change */
  readonly overrides: CacheOverrides.CacheOverrides
  readonly listen: CacheEvents.CacheEvents["listen"]
  readonly events: Stream.Stream<CacheEvents.CacheEvent>
}

/** The time by which a marker outlives each entry that depends on it; a new marker outlives it by twice as much. */
const markerMillis = Duration.toMillis("1 hour")

/**
 * A set that reaches the server later than this does nothing. The caller of a set of unknown outcome waits twice as long. It
 * is less than the default time-out of a command, so that only a broken connection prolongs a set. The transfer time of a
 * large value is added.
 */
const setDeadlineMillis = 250

/** The longest that an entry is kept, fresh and stale. Every server must be able to keep its markers, which live longer. */
const longestKeptMillis = Duration.toMillis(maxTimeToLive) - 2 * markerMillis

/** The time that a value is stale: at most half of the longest, so that the other half is left for a fresh value. */
const staleForMillis = ({ staleFor = 0 }: StaleOptions): number =>
  Math.min(Duration.toMillis(staleFor), longestKeptMillis / 2)

type StaleOptions = { readonly staleFor?: Duration.DurationInput | undefined }

/**
 * The longest time to live, in milliseconds. The time that a value is stale comes on top, and every server must be able to
 * keep both.
 *
 * @since 0.1.0
 * @category getters
 */
export const longestMillis = (options: StaleOptions): number => longestKeptMillis - staleForMillis(options)

/**
 * Makes an engine that lives as long as the scope is open.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Key, Value, E, Err>(
  options: Omit<CacheSettings<Key, Value, Failures>, "negative" | "timeToLive"> & {
    readonly names: Names<never>
    readonly value: Schema.Schema<Value, unknown>
    readonly negative: { readonly error: Schema.Schema<Err, unknown> } | undefined
  }
): Effect.Effect<Engine<Value | EntryCodec.CachedError<Err>, E>, never, RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    /** What the tiers store. */
    type Stored = Value | EntryCodec.CachedError<Err>

    const { lease = {}, names, negative, outage = {}, refresh = {} } = options
    const redis = yield* RedisClient
    const owner = { redis }
    const overrides = CacheOverrides.initial(redis, options.name)
    const clock = yield* Effect.clock
    const servers = CacheServers.make(RedisExecutor.of(redis), markerKeys(options.name).clear, clock)
    const serverTime = servers.time
    const serverTimeNow = Effect.sync(serverTime)
    const events = yield* CacheEvents.make
    const redisLatency = LatencyHistogram.make((millis, keys = 1) =>
      observedCaches.listener?.onRead(options.name, millis, keys)
    )
    const lookupLatency = LatencyHistogram.make((millis) => observedCaches.listener?.onLookup(options.name, millis))
    const failureLog = options.failureLog ?? (yield* FailureLog.make)
    yield* failureLog.register({ name: options.name, onUnavailable: outage.onUnavailable ?? "lookup" })
    const observer = CacheObserver.make({
      names,
      lookupLatency,
      failureLog,
      misfitLog: yield* ThrottledLog.make(`cache ${options.name}`),
      events
    })

    const values = EntryCodec.versioned(
      CacheCodec.make(options.value),
      yield* Migration.versions({ name: options.name, value: options.value, ...options.schema })
    )
    const errors =
      negative === undefined ? EntryCodec.nothing<Err>() : EntryCodec.values(CacheCodec.make(negative.error))
    const codec = ContentEncoding.make(EntryCodec.outcomes(values, errors), {
      compression: options.compression,
      encryption: options.encryption,
      serverTime: serverTimeNow
    })

    const valueStaleMillis = staleForMillis(options)
    const staleMillis = (stored: Stored) => {
      if (stored instanceof EntryCodec.CachedError) return 0
      return overrides.staleForMillis === undefined
        ? valueStaleMillis
        : staleForMillis({ staleFor: overrides.staleForMillis })
    }
    // the longest time to live leaves room for the option, and perhaps not for what is set at run time
    const keepMillis = ({ timeToLive, value }: Pick<NewEntry<Stored>, "timeToLive" | "value">) =>
      Math.min(Math.ceil(timeToLive + staleMillis(value)), longestKeptMillis)
    const leaseMillis = Math.ceil(Duration.toMillis(lease.timeToLive ?? "5 seconds"))
    const timeToLiveMillis = Duration.toMillis(options.local?.timeToLive ?? "1 minute")
    const keepStaleMillis = Duration.toMillis(options.local?.keepStale ?? 0)
    // an error is never served past its time
    const heldMillis = (stored: Stored) => (stored instanceof EntryCodec.CachedError ? 0 : keepStaleMillis)
    const local: LocalTier.LocalTier<Stored> =
      options.local === undefined || timeToLiveMillis + keepStaleMillis <= 0
        ? LocalTier.none()
        : LocalTier.make({
            ...options.local,
            timeToLiveMillis,
            heldMillis: keepStaleMillis > 0 ? heldMillis : undefined,
            clock,
            serverTime,
            // defined below, since an invalidation drops entries of this tier
            // NaN equals no epoch, not even itself: nothing is kept while the cache is off
            epochOf: (key) => (overrides.isOff ? Number.NaN : localInvalidation.epochOf(key)),
            names,
            codec
          })

    const {
      bus,
      creation,
      guard,
      local: localInvalidation,
      markers,
      outboxSize,
      tracking,
      writes
    } = yield* Invalidation.make({
      redis,
      servers,
      name: options.name,
      isTagged: options.tags !== undefined,
      isTracked: options.local?.tracking === true,
      outboxCapacity: outage.outboxCapacity ?? 10_000,
      afterOutage: outage.after ?? "revalidate",
      markerMillis,
      overrides,
      dropLocal: local.drop,
      onOthers: (item) => observer.invalidated(item, "Other")
    })

    /** for values that were not read from Redis */
    const unread = options.local?.tracking === true ? TrackedTier.ofUnread(local, tracking.areOnlyReadsHeard) : local

    const target = (key: string) => CacheScript.target(bus.channel, key)

    const tier = yield* RedisTier.make({
      redis,
      servers,
      codec,
      guard,
      markers,
      isTagged: options.tags !== undefined,
      latency: redisLatency,
      onDecodeFailure: observer.notDecoded
    })

    const { maxLookups = 32 } = outage
    const lookups = yield* LookupRunner.make({
      name: options.name,
      observer,
      maxLookups: () => overrides.maxLookups ?? maxLookups,
      maxBatch: options.maxBatch ?? 1,
      maxWaiting: outage.maxWaiting ?? 1024,
      hardTimeout: refresh.hardTimeout === undefined ? undefined : Duration.decode(refresh.hardTimeout)
    })
    const renewal = yield* LeaseRenewal.make(redis, leaseMillis)
    const loader = yield* Loader.make<Stored, E>({
      name: options.name,
      redis,
      tier,
      guard,
      markers,
      creation,
      serverTime,
      local: localInvalidation,
      bus,
      codec,
      lookups,
      observer,
      target,
      keepMillis,
      renewal,
      leaseMillis,
      waitMillis: Duration.toMillis(lease.maxWait ?? "30 seconds"),
      pollMillis: 100,
      onUnavailable: outage.onUnavailable ?? "lookup",
      keepLocal: unread.keepLoaded,
      remembered: local.remembered
    })
    const reader = yield* Reader.make({
      owner,
      serverTime: serverTimeNow,
      local,
      tier,
      loader,
      invalidation: localInvalidation,
      observer,
      staleMillis,
      refreshAhead: refresh.ahead,
      meanLookupMillis: () => lookupLatency.summary().mean,
      softTimeoutMillis: Duration.toMillis(refresh.softTimeout ?? 0),
      refreshPauseMillis: Duration.toMillis(refresh.pause ?? "1 second")
    })
    const writer = Writer.make({
      owner,
      redis,
      clock,
      writes,
      invalidation: localInvalidation,
      local: unread,
      guard,
      serverTime,
      markers,
      servers,
      creation,
      bus,
      codec,
      observer,
      target,
      keepMillis,
      renewal,
      leaseMillis,
      setDeadlineMillis
    })

    const stats = (): CacheStats => ({
      name: options.name,
      ...observer.counts(),
      evictions: local.evictions(),
      local: local.size(),
      localBytes: local.bytes(),
      outbox: outboxSize(),
      tracking: tracking.state(),
      redisLatency: redisLatency.summary(),
      lookupLatency: lookupLatency.summary()
    })
    yield* Observed.add(observedCaches, { name: options.name, stats }, (listener, cache) => listener.onEnd(cache))

    const isAvailable = guard.isOpen

    return {
      reader,
      writer,
      owner,
      lookups,
      observer,
      serverTime,
      isAvailable,
      stats,
      local,
      codec,
      overrides,
      listen: events.listen,
      events: events.stream
    }
  })
