/**
 * The interface of a cache: typed keys and values, and what its operations promise. docs/protocol.md has the rules.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { RedisError } from "../redis/RedisError.js"
import type * as RedisKey from "../redis/RedisKey.js"
import type { Failures } from "./CacheOptions.js"
import type { LookupCycle } from "./lookup/LoadGraph.js"
import type * as LookupRunner from "./lookup/LookupRunner.js"
import type { CacheEvent } from "./observe/CacheEvents.js"
import type { CacheStats } from "./observe/CacheStats.js"
import type { CacheResult } from "./read/CacheResult.js"
import type { ReadOptions } from "./read/ReadBound.js"
import type * as Warming from "./read/Warming.js"

/**
 * What a read can fail with besides the lookup's own errors. `InvalidKey`: the id cannot be a key. `LookupCycle`: the lookup
 * waits for itself. While Redis is away, a read fails with `LookupOverloaded` when too many lookups run
 * already, or, with `onUnavailable: "fail"`, with the `RedisError`.
 *
 * @since 0.1.0
 * @category errors
 */
export type EngineError<OnUnavailable extends "lookup" | "fail" = "lookup"> =
  | RedisKey.InvalidKey
  | LookupCycle
  | (OnUnavailable extends "fail" ? RedisError : LookupRunner.LookupOverloaded)

/**
 * What a read of a cache can fail with, whose lookup fails with `E`.
 *
 * @since 0.2.0
 * @category errors
 */
export type ReadError<E, F extends Failures> =
  | E
  | F["cachedError"]
  | (F["hardTimeout"] extends undefined ? never : LookupRunner.LookupTimeout)
  | EngineError<F["onUnavailable"]>

/**
 * The options of `getMany`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ManyOptions extends ReadOptions {
  /** the most concurrent lookups; with `lookupMany` they share calls: default all. A number below 1 is a defect. */
  readonly concurrency?: number | "unbounded" | undefined
}

/**
 * Values under typed keys. `E` is what a read can fail with (see `ReadError`).
 *
 * @since 0.1.0
 * @category models
 */
export interface TypedCache<in out Key, in out Value, out E> {
  readonly name: string
  /**
   * Reads a value from the local tier or from Redis, or runs the lookup. One lookup runs per key, in all processes; its
   * error reaches the callers unchanged. May be repeated.
   */
  readonly get: {
    (key: Key, options: ReadOptions): Effect.Effect<Value, E>
    // last, so that `Effect.forEach(keys, cache.get)` is inferred by it
    (key: Key): Effect.Effect<Value, E>
  }
  /** Like `get`, and says where the value came from. */
  readonly getResult: {
    (key: Key, options: ReadOptions): Effect.Effect<CacheResult<Value>, E>
    (key: Key): Effect.Effect<CacheResult<Value>, E>
  }
  /**
   * Reads what the cache holds, fresh or stale, and never runs the lookup. `None` for a missing value and for a cached
   * error. While Redis is away it reads the local tier alone.
   */
  readonly getOption: {
    (key: Key, options: ReadOptions): Effect.Effect<Option.Option<CacheResult<Value>>, RedisKey.InvalidKey>
    (key: Key): Effect.Effect<Option.Option<CacheResult<Value>>, RedisKey.InvalidKey>
  }
  /**
   * Reads several values with one MGET, in the order of the keys; a repeated key is looked up once. Fails with the first
   * failure. With `mode: "either"` each key has a result of its own, and the read does not fail.
   */
  readonly getMany: {
    (
      keys: ReadonlyArray<Key>,
      options: ManyOptions & { readonly mode: "either" }
    ): Effect.Effect<ReadonlyArray<Either.Either<Value, E>>>
    (keys: ReadonlyArray<Key>, options?: ManyOptions): Effect.Effect<ReadonlyArray<Value>, E>
  }
  /**
   * Like `get`, as an Effect request: under `batching`, `Effect.forEach` and the like turn the requests of one batch into
   * one `getMany`. `resolver` does the same for requests of your own.
   */
  readonly request: (key: Key) => Effect.Effect<Value, E>
  /**
   * Looks up the ids whose values are not fresh in Redis, and stores the values. A failed id is counted and passed to
   * `onProgress`; the others continue. May be interrupted at any time: another run with `from` continues at the `cursor`
   * of the last progress. Fails with `WarmStopped` when Redis stays away for `waitForRedis`.
   */
  readonly warm: <E2 = never, R2 = never>(
    ids: Iterable<Key> | Stream.Stream<Key, E2, R2>,
    options?: Warming.WarmOptions & {
      /** runs with each progress: default none */
      readonly onProgress?: ((progress: Warming.WarmProgress<Key, E>) => Effect.Effect<void>) | undefined
    }
  ) => Effect.Effect<Warming.WarmSummary, Warming.WarmStopped | E2, R2>
  /** Like `warm`, as a stream of its progress. Warming stops when the stream is no longer read. */
  readonly warmStream: <E2 = never, R2 = never>(
    ids: Iterable<Key> | Stream.Stream<Key, E2, R2>,
    options?: Warming.WarmOptions
  ) => Stream.Stream<Warming.WarmProgress<Key, E>, Warming.WarmStopped | E2, R2>
  /**
   * Stores a value. False when Redis did not take it: the key is then invalidated, so that no older value is served. A
   * connection that breaks during the call delays the answer by half a second. Concurrent sets of one key may be applied
   * in any order: prefer `update`. May be repeated.
   */
  readonly set: (key: Key, value: Value) => Effect.Effect<boolean, RedisKey.InvalidKey>
  /**
   * Write-through: runs `write` and stores its result. After a concurrent write or invalidation nothing is stored, and the
   * next read looks up. Nothing is stored either when the process crashes. The errors of `write` pass unchanged.
   */
  readonly update: <E2, R2>(
    key: Key,
    write: Effect.Effect<Value, E2, R2>
  ) => Effect.Effect<Value, E2 | RedisKey.InvalidKey, R2>
  /** Runs the lookup, whatever is stored, and stores its value. */
  readonly refresh: (key: Key) => Effect.Effect<Value, E>
  /**
   * Invalidates a value: in this process at once, in the others when Redis delivers the message. False when Redis has not
   * taken it yet: the invalidation is sent again until it has. This process does not read the key from Redis before.
   * Call it after the commit of the database, never inside the transaction. May be repeated.
   */
  readonly invalidate: (key: Key) => Effect.Effect<boolean, RedisKey.InvalidKey>
  /**
   * Invalidates every value with the tag, in constant time. Answers like `invalidate`. `InvalidKey` for a tag that no
   * value can have: empty, longer than 512 bytes, or with a control character.
   */
  readonly invalidateTag: (tag: string) => Effect.Effect<boolean, RedisKey.InvalidKey>
  /** Invalidates every value of the cache, in constant time. Answers like `invalidate`. */
  readonly clear: Effect.Effect<boolean>
  /** Whether reads use Redis now. They do not while Redis is away, nor before its return is processed. */
  readonly isAvailable: Effect.Effect<boolean>
  /** The counters and gauges of this cache in this process. */
  readonly stats: Effect.Effect<CacheStats>
  /** The events from now on. A subscriber that falls behind by more than 4096 events loses the oldest. */
  readonly events: Stream.Stream<CacheEvent>
}
