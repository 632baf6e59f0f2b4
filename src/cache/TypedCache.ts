/**
 * The cache engine's face: values of one type under typed keys, in this process and in Redis, loaded by a lookup.
 *
 * It never serves what it was told to forget, never fails because Redis does, and runs one lookup per key: the rules are
 * in docs/protocol.md.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { RedisClient } from "../redis/RedisClient.js"
import { maxTimeToLive } from "../redis/RedisCommands.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import * as CacheCodec from "./CacheCodec.js"
import * as CacheStats from "./CacheStats.js"
import * as FailureLog from "./FailureLog.js"
import * as Invalidation from "./Invalidation.js"
import * as LatencyHistogram from "./LatencyHistogram.js"
import * as Loader from "./Loader.js"
import * as LocalTier from "./LocalTier.js"
import * as Reader from "./Reader.js"
import * as RedisTier from "./RedisTier.js"
import type { Target } from "./scripts/shared.js"
import * as Writer from "./Writer.js"

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  LookupOverloaded
} from "./Loader.js"
export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Served
} from "./Reader.js"

/**
 * What an engine operation can fail with besides the lookup's own errors.
 *
 * @since 0.1.0
 * @category errors
 */
export type EngineError<OnUnavailable extends "lookup" | "fail"> =
  | RedisKey.InvalidKey
  | (OnUnavailable extends "fail" ? RedisError : Loader.LookupOverloaded)

/**
 * Values under typed keys.
 *
 * @since 0.1.0
 * @category models
 */
export interface TypedCache<in out Key, in out Value, out E, out OnUnavailable extends "lookup" | "fail" = "lookup"> {
  readonly name: string
  /**
   * The value: from this process, from Redis, or looked up. The lookup's own error arrives once and unchanged.
   * `InvalidKey` for an id that can be no key; `LookupOverloaded` when Redis is away and too many lookups run already,
   * or, with `onUnavailable: "fail"`, the `RedisError` instead.
   */
  readonly get: (key: Key) => Effect.Effect<Value, E | EngineError<OnUnavailable>>
  /** As `get`, with where the value came from. */
  readonly getServed: (key: Key) => Effect.Effect<Reader.Served<Value>, E | EngineError<OnUnavailable>>
  /** What the cache holds, stale or not; never looks up, and answers none while Redis is away. */
  readonly getOption: (key: Key) => Effect.Effect<Option.Option<Reader.Served<Value>>, RedisKey.InvalidKey>
  /** The values in the order of the keys; the first failure fails it. */
  readonly getMany: (keys: ReadonlyArray<Key>) => Effect.Effect<ReadonlyArray<Value>, E | EngineError<OnUnavailable>>
  /**
   * Stores a value that was not looked up, and says whether Redis took it. Where it did not, the key is invalidated, so
   * that no older value is served either; if its connection breaks meanwhile, that takes half a second. Concurrent sets of
   * one key may land in any order: prefer `update`.
   */
  readonly set: (key: Key, value: Value) => Effect.Effect<boolean, RedisKey.InvalidKey>
  /**
   * Write-through: runs `write` and stores what it answers, unless another writer or an invalidation came between, in
   * which case the next read looks up. A crash in between leaves nothing stored. Errors of `write` pass unchanged.
   */
  readonly update: <E2, R2>(
    key: Key,
    write: Effect.Effect<Value, E2, R2>
  ) => Effect.Effect<Value, E2 | RedisKey.InvalidKey, R2>
  /** Looks up now, whatever is stored, and stores the answer. */
  readonly refresh: (key: Key) => Effect.Effect<Value, E | EngineError<OnUnavailable>>
  /**
   * Forgets a value, here at once and everywhere else as soon as Redis says so. False means that Redis has not taken it
   * yet: it is kept and sent again until it has, and this process does not read the key from Redis before. Call it after
   * the database's commit, never inside the transaction.
   */
  readonly invalidate: (key: Key) => Effect.Effect<boolean, RedisKey.InvalidKey>
  /** Forgets every value of the cache, in constant time. The answer is that of `invalidate`. */
  readonly clear: Effect.Effect<boolean>
  readonly stats: Effect.Effect<CacheStats.CacheStats>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Key, Value, I, E, R, OnUnavailable extends "lookup" | "fail"> {
  /** the prefix of the keys in Redis, as in `user:profile:<id>`; also names the cache's channel */
  readonly name: string
  /** the id in its text form */
  readonly key: Schema.Schema<Key, string>
  /** the encoded form is stored as JSON */
  readonly value: Schema.Schema<Value, I>
  readonly lookup: (key: Key) => Effect.Effect<Value, E, R>
  /** for how long a value is fresh, shortened to what every server keeps (8.5 years); zero: it is not stored */
  readonly timeToLive: Duration.DurationInput | ((value: Value, key: Key) => Duration.DurationInput)
  /** shortens each time to live by up to this share, so that entries made together do not end together: default 0.1 */
  readonly jitter?: number | undefined
  /** for how long past its time to live a value is served while it is being refreshed: default zero */
  readonly staleFor?: Duration.DurationInput | undefined
  /** the pause after a refresh that failed, before the next: default 1 second */
  readonly refreshPause?: Duration.DurationInput | undefined
  /** the tier in this process: none by default */
  readonly local?:
    | (LocalTier.LocalTierOptions & {
        /** how long at most another process's invalidation may go unheard here */
        readonly timeToLive: Duration.DurationInput
      })
    | undefined
  /** what happens while Redis cannot be used: `lookup` (default), or `fail` with the `RedisError` */
  readonly onUnavailable?: OnUnavailable | undefined
  /** lookups at once without Redis: default 32 */
  readonly maxLookups?: number | undefined
  /** callers that wait for one of those, before `LookupOverloaded`: default 1024 */
  readonly maxWaiting?: number | undefined
  /** for how long a lease outlives the process that holds it; renewed while its lookup or update runs: default 5 seconds */
  readonly leaseTime?: Duration.DurationInput | undefined
  /** how long a caller waits for another process's lookup before it looks up by itself: default 30 seconds */
  readonly waitFor?: Duration.DurationInput | undefined
  /** invalidations kept while Redis does not take them; beyond it the whole cache is cleared: default 10,000 */
  readonly outboxCapacity?: number | undefined
  /**
   * What becomes of entries from before an outage: `revalidate` (default) looks them up again, since another process may
   * have invalidated them unheard; `trust` serves them.
   */
  readonly afterOutage?: "revalidate" | "trust" | undefined
  /** a log that several caches share, so that an outage is told once and not by each: default one of its own */
  readonly failureLog?: FailureLog.FailureLog | undefined
}

/** A marker must outlive every entry that depends on it; this much more than the entry itself is enough. */
const markerMillis = Duration.toMillis("1 hour")

/**
 * A set that reaches the server later than this does nothing, and a caller waits twice as long for a set whose fate is
 * unknown: less than the default time-out of a command, so that only a set whose connection broke takes longer by it.
 */
const setDeadlineMillis = 250

/**
 * Builds a cache on the client of the context, for as long as the scope is open. The lookup's context is taken from
 * where the cache is made.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * import { TypedCache } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const squares = TypedCache.make({
 *   name: "square",
 *   key: Schema.NumberFromString,
 *   value: Schema.Number,
 *   timeToLive: "5 minutes",
 *   lookup: (n) => Effect.succeed(n * n)
 * })
 *
 * const program = Effect.gen(function* () {
 *   const cache = yield* squares
 *   return yield* cache.get(12)
 * })
 */
export const make = <Key, Value, I, E, R, OnUnavailable extends "lookup" | "fail" = "lookup">(
  options: Options<Key, Value, I, E, R, OnUnavailable>
): Effect.Effect<TypedCache<Key, Value, E, OnUnavailable>, never, RedisClient | Scope.Scope | R> =>
  Effect.gen(function* () {
    const redis = yield* RedisClient
    const clock = yield* Effect.clock
    const context = yield* Effect.context<R>()
    const failureLog = options.failureLog ?? (yield* FailureLog.make)
    const codec = CacheCodec.make(options.value)
    const counters = CacheStats.counters()
    const redisLatency = LatencyHistogram.make()
    const lookupLatency = LatencyHistogram.make()
    const staleMillis = Duration.toMillis(options.staleFor ?? 0)
    const leaseMillis = Duration.toMillis(options.leaseTime ?? "5 seconds")
    const localMillis = Duration.toMillis(options.local?.timeToLive ?? 0)
    const jitter = options.jitter ?? 0.1
    // beyond it come the time that it is stale, and what a marker lives longer
    const longestMillis = Duration.toMillis(maxTimeToLive) - staleMillis - markerMillis
    const local =
      options.local === undefined || localMillis <= 0 ? LocalTier.none<Value>() : LocalTier.make<Value>(options.local)

    const target = (key: string): Target => ({
      key,
      lease: RedisKey.auxiliary(key, "lease"),
      channel: invalidation.bus.channel
    })

    const invalidation: Invalidation.Invalidation = yield* Invalidation.make({
      redis,
      name: options.name,
      target: (key) => target(key),
      outboxCapacity: options.outboxCapacity ?? 10_000,
      afterOutage: options.afterOutage ?? "revalidate",
      markerMillis,
      dropLocal: (key) => (key === undefined ? local.clear() : local.delete(key))
    })

    const tier = yield* RedisTier.make({
      redis,
      codec,
      clearMarker: invalidation.clearMarker,
      latency: redisLatency,
      onDecodeFailure: () => {
        counters.decodeFailures++
      }
    })

    const timeToLive = (key: Key) => (value: Value) =>
      Effect.map(Random.next, (random) => {
        const given = typeof options.timeToLive === "function" ? options.timeToLive(value, key) : options.timeToLive
        return Math.min(Duration.toMillis(given), longestMillis) * (1 - jitter * random)
      })

    const maxBytes = options.local?.maxBytes
    /** Of the stored text, which is made again where there is none at hand. */
    const bytesOf = (value: Value, text: string | undefined): Effect.Effect<number> =>
      maxBytes === undefined
        ? Effect.succeed(0)
        : text !== undefined
          ? Effect.succeed(Buffer.byteLength(text))
          : Effect.match(codec.encode(value), { onFailure: () => maxBytes + 1, onSuccess: Buffer.byteLength })

    /** Kept for the local time from when it was asked for, and never longer than it is fresh. */
    const keepLocal: Loader.LoaderOptions<Value>["keepLocal"] = (key, entry, asked, epoch, text) =>
      localMillis <= 0
        ? Effect.void
        : Effect.zipWith(bytesOf(entry.value, text), redis.serverTime, (bytes, serverNow) => {
            if (invalidation.epochs.of(key) !== epoch) return
            const left = entry.created + entry.timeToLive - serverNow
            local.set(key, entry, Math.min(asked + localMillis, clock.unsafeCurrentTimeMillis() + left), bytes)
          })

    const loader = yield* Loader.make<Value, E>({
      name: options.name,
      redis,
      tier,
      invalidation,
      codec,
      counters,
      lookupLatency,
      failureLog,
      target,
      staleMillis,
      leaseMillis,
      waitMillis: Duration.toMillis(options.waitFor ?? "30 seconds"),
      pollMillis: 100,
      maxLookups: options.maxLookups ?? 32,
      maxWaiting: options.maxWaiting ?? 1024,
      onUnavailable: options.onUnavailable ?? "lookup",
      markerMillis,
      keepLocal
    })
    const reader = yield* Reader.make({
      redis,
      local,
      loader,
      invalidation,
      counters,
      failureLog,
      staleMillis,
      refreshPauseMillis: Duration.toMillis(options.refreshPause ?? "1 second"),
      keepLocal
    })
    const writer = Writer.make({
      redis,
      invalidation,
      codec,
      counters,
      failureLog,
      target,
      staleMillis,
      leaseMillis,
      setDeadlineMillis,
      markerMillis
    })

    const stats = (): CacheStats.CacheStats => ({
      name: options.name,
      ...counters,
      evictions: local.evictions(),
      local: local.size(),
      outbox: invalidation.outbox.size(),
      redisLatency: redisLatency.summary(),
      lookupLatency: lookupLatency.summary()
    })
    yield* CacheStats.publish(stats)

    const encodeKey = Schema.encodeEither(options.key)
    const textOf = (key: Key): Either.Either<string, RedisKey.InvalidKey> =>
      Either.flatMap(
        Either.mapLeft(encodeKey(key), () => new RedisKey.InvalidKey({ reason: "NotEncodable", prefix: options.name })),
        (id) => RedisKey.make(options.name, id)
      )

    const origin = (key: Key): Loader.Origin<Value, E> => ({
      lookup: Effect.suspend(() => Effect.provide(options.lookup(key), context)),
      timeToLive: timeToLive(key)
    })

    type Failure = E | EngineError<OnUnavailable>

    const reading =
      <A>(read: (key: string, origin: Loader.Origin<Value, E>) => Effect.Effect<A, Reader.ReadError<E>>) =>
      (id: Key): Effect.Effect<A, Failure> =>
        Effect.suspend(() => {
          const key = textOf(id)
          if (Either.isLeft(key)) return Effect.fail(key.left)
          // the loader fails with a RedisError only when it was told to, and with LookupOverloaded only when not
          return Effect.mapError(read(key.right, origin(id)), (error) => error as Failure)
        })

    const get = reading(reader.get)
    return {
      name: options.name,
      get,
      getServed: reading(reader.getServed),
      getOption: (id) => Effect.flatMap(textOf(id), reader.getOption),
      getMany: (ids) => Effect.forEach(ids, get, { concurrency: "unbounded" }),
      set: (id, value) =>
        Effect.flatMap(textOf(id), (key) =>
          Effect.flatMap(timeToLive(id)(value), (millis) => writer.set(key, value, millis))
        ),
      update: (id, write) => Effect.flatMap(textOf(id), (key) => writer.update(key, write, timeToLive(id))),
      refresh: reading(reader.refresh),
      invalidate: (id) => Effect.flatMap(textOf(id), writer.invalidate),
      clear: writer.clear,
      stats: Effect.sync(stats)
    }
  })
