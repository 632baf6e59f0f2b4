/**
 * Assembles the parts of a cache that lives in one process. They are those of a cache on Redis, but for what agrees with other
 * processes: here nothing is unheard of, so that invalidations need no markers, loads no leases and writes no outbox.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as LatencyHistogram from "../../internal/collection/LatencyHistogram.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as Observed from "../../internal/Observed.js"
import * as ThrottledLog from "../../internal/ThrottledLog.js"
import type { MethodParts } from "../CacheMethods.js"
import type { Failures } from "../CacheOptions.js"
import * as CacheOverrides from "../CacheOverrides.js"
import type { CacheEntry } from "../entry/CacheEntry.js"
import type { Names } from "../entry/CacheKey.js"
import * as EntryCodec from "../entry/EntryCodec.js"
import * as ProcessInvalidation from "../invalidation/ProcessInvalidation.js"
import * as ProcessLoader from "../load/ProcessLoader.js"
import * as LookupRunner from "../lookup/LookupRunner.js"
import type { NewEntry } from "../lookup/Source.js"
import * as CacheEvents from "../observe/CacheEvents.js"
import * as CacheObserver from "../observe/CacheObserver.js"
import type { CacheStats } from "../observe/CacheStats.js"
import type { FailureLog } from "../observe/FailureLog.js"
import { observedCaches } from "../observe/ObservedCaches.js"
import * as Reader from "../read/Reader.js"
import * as LocalTier from "../tiers/LocalTier.js"
import * as ProcessTier from "../tiers/ProcessTier.js"
import * as ProcessWriter from "../write/ProcessWriter.js"
import type { LocalCacheSettings } from "./LocalCacheOptions.js"

/** There is no Redis that could fail. */
const noFailures: FailureLog = {
  register: () => Effect.void,
  isAway: () => false,
  succeeded: Effect.void,
  failed: () => Effect.void
}

const isAvailable = () => true

interface Measured {
  readonly text: string
}

const noText = (): Effect.Effect<Measured, unknown> => Exit.succeed({ text: "" })

/** The JSON by which a value is measured. Nothing is stored of it, so that it need not be read back. */
const jsonOf = <A>(schema: Schema.Schema<A, unknown>): ((value: A) => Effect.Effect<Measured, unknown>) => {
  const encode = Schema.encodeEither(schema)
  return (value) => {
    try {
      return Exit.succeed({ text: JSON.stringify(Either.getOrThrow(encode(value))) ?? "" })
    } catch (thrown) {
      return Exit.fail(thrown)
    }
  }
}

/**
 * Makes an engine that lives as long as the scope is open. `value` and `error` are the schemas by which entries are measured.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <Key, Value, E, Err>(
  options: Omit<LocalCacheSettings<Key, Value, Failures>, "negative" | "timeToLive"> & {
    readonly names: Names<never>
    readonly value: Schema.Schema<Value, unknown> | undefined
    readonly negative: { readonly error: Schema.Schema<Err, unknown> } | undefined
  }
): Effect.Effect<MethodParts<Key, Value | EntryCodec.CachedError<Err>, E, never>["engine"], never, Scope.Scope> =>
  Effect.gen(function* () {
    /** What the memory holds. */
    type Stored = Value | EntryCodec.CachedError<Err>

    const { local: bounds, name, names, negative, refresh = {}, value } = options
    const owner = { redis: undefined }
    const clock = yield* Effect.clock
    // ages are differences of these times: setting the system's clock changes none of them
    const time = () => MonotonicClock.unsafeMillis(clock)
    const events = yield* CacheEvents.make
    const lookupLatency = LatencyHistogram.make((millis) => observedCaches.listener?.onLookup(name, millis))
    const observer = CacheObserver.make({
      names,
      lookupLatency,
      failureLog: noFailures,
      misfitLog: yield* ThrottledLog.make(`cache ${name}`),
      events
    })

    const longestMillis =
      bounds.timeToLive === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(bounds.timeToLive)
    const staleForMillis = Duration.toMillis(options.staleFor ?? 0)
    const staleMillis = (stored: Stored) => (stored instanceof EntryCodec.CachedError ? 0 : staleForMillis)
    const textOfValue = value === undefined ? noText : jsonOf(value)
    const textOfError = negative === undefined ? noText : jsonOf(negative.error)
    const local = LocalTier.make<Stored>({
      ...bounds,
      timeToLiveMillis: longestMillis,
      clock,
      serverTime: time,
      // defined below, since an invalidation drops entries of this tier
      epochOf: (key) => invalidation.epochOf(key),
      names,
      codec: {
        encode: (_key, stored) =>
          stored instanceof EntryCodec.CachedError ? textOfError(stored.error) : textOfValue(stored)
      },
      heldMillis: staleMillis,
      isAlone: true
    })
    const invalidation = ProcessInvalidation.make(local.drop)
    const entryOf = (value: NewEntry<Stored>, createdAt: number): CacheEntry<Stored> => ({
      ...value,
      createdAt,
      timeToLive: Math.min(value.timeToLive, longestMillis)
    })

    const lookups = yield* LookupRunner.make({
      name,
      observer,
      // no lookup runs without Redis
      maxLookups: () => 1,
      maxBatch: 1,
      maxWaiting: 0,
      hardTimeout: refresh.hardTimeout === undefined ? undefined : Duration.decode(refresh.hardTimeout)
    })
    const loader = ProcessLoader.make<Stored, E>({ name, local, invalidation, lookups, observer, time, entryOf })
    const reader = yield* Reader.make<Stored, E>({
      owner,
      serverTime: Effect.sync(time),
      local,
      tier: ProcessTier.make(local, time),
      loader,
      invalidation,
      observer,
      staleMillis,
      refreshAhead: refresh.ahead,
      meanLookupMillis: () => lookupLatency.summary().mean,
      softTimeoutMillis: Duration.toMillis(refresh.softTimeout ?? 0),
      refreshPauseMillis: Duration.toMillis(refresh.pause ?? "1 second")
    })
    const writer = ProcessWriter.make<Stored>({ owner, local, invalidation, observer, time, entryOf })

    const noReads = LatencyHistogram.make(() => {}).summary()
    const stats = (): CacheStats => ({
      name,
      ...observer.counts(),
      evictions: local.evictions(),
      local: local.size(),
      localBytes: value === undefined || bounds.maxBytes === undefined ? 0 : local.bytes(),
      outbox: 0,
      tracking: "Off",
      redisLatency: noReads,
      lookupLatency: lookupLatency.summary()
    })
    yield* Observed.add(observedCaches, { name, stats }, (listener, cache) => listener.onEnd(cache))

    return {
      reader,
      writer,
      owner,
      lookups,
      observer,
      overrides: CacheOverrides.none,
      serverTime: time,
      isAvailable,
      stats,
      events: events.stream
    }
  })
