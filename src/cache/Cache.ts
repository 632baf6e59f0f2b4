/**
 * One cache: typed keys and values over the engine, which knows texts and what is held under them.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Callback from "../internal/Callback.js"
import * as SyncEffect from "../internal/SyncEffect.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import type { Options } from "./CacheOptions.js"
import * as CacheRequests from "./CacheRequests.js"
import * as Engine from "./Engine.js"
import * as CacheKey from "./entry/CacheKey.js"
import * as DateText from "./entry/DateText.js"
import * as EntryCodec from "./entry/EntryCodec.js"
import * as JsonForm from "./entry/JsonForm.js"
import type * as Loader from "./load/Loader.js"
import type { LookupCycle } from "./lookup/LoadGraph.js"
import type * as LookupRunner from "./lookup/LookupRunner.js"
import * as LookupSource from "./lookup/LookupSource.js"
import * as Source from "./lookup/Source.js"
import type * as CacheEvents from "./observe/CacheEvents.js"
import type * as CacheStats from "./observe/CacheStats.js"
import * as BatchReader from "./read/BatchReader.js"
import type * as CacheResult from "./read/CacheResult.js"
import * as Warming from "./read/Warming.js"

/**
 * What an engine operation can fail with besides the lookup's own errors.
 *
 * @since 0.1.0
 * @category errors
 */
export type EngineError<OnUnavailable extends "lookup" | "fail"> =
  | RedisKey.InvalidKey
  | LookupCycle
  | (OnUnavailable extends "fail" ? RedisError : LookupRunner.LookupOverloaded)

/**
 * How `getMany` goes about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ManyOptions {
  /** keys that are looked up at once, together with one another where there is a `lookupMany`: default all */
  readonly concurrency?: number | "unbounded" | undefined
}

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
   * `InvalidKey` for an id that can be no key; `LookupCycle` in a lookup that this value waits for; `LookupOverloaded` when Redis is away and too many lookups run already,
   * or, with `onUnavailable: "fail"`, the `RedisError` instead; `LookupTimeout` where there is a hard timeout.
   */
  readonly get: (key: Key) => Effect.Effect<Value, E | EngineError<OnUnavailable>>
  /** As `get`, with where the value came from. */
  readonly getResult: (key: Key) => Effect.Effect<CacheResult.CacheResult<Value>, E | EngineError<OnUnavailable>>
  /**
   * What the cache holds, stale or not; never looks up, and answers none while Redis is away, and for a remembered error.
   */
  readonly getOption: (key: Key) => Effect.Effect<Option.Option<CacheResult.CacheResult<Value>>, RedisKey.InvalidKey>
  /**
   * The values in the order of the keys, by one MGET; a key that stands there twice is looked up once. The first failure
   * fails it, or each stands in its place (`mode: "either"`).
   */
  readonly getMany: {
    (
      keys: ReadonlyArray<Key>,
      options: ManyOptions & { readonly mode: "either" }
    ): Effect.Effect<ReadonlyArray<Either.Either<Value, E | EngineError<OnUnavailable>>>>
    (
      keys: ReadonlyArray<Key>,
      options?: ManyOptions
    ): Effect.Effect<ReadonlyArray<Value>, E | EngineError<OnUnavailable>>
  }
  /**
   * As `get`, as a request: where `Effect.forEach` and its like run with `batching`, those of one batch are one `getMany`.
   * See `resolver` for requests of your own.
   */
  readonly request: (key: Key) => Effect.Effect<Value, E | EngineError<OnUnavailable>>
  /**
   * Looks up, before anybody asks for them, the values of these ids that are not fresh in Redis, and stores them. What
   * fails is counted and told to `onProgress`, and stops nothing; it may be interrupted at any time, and another run with
   * `from` goes on where the last progress was. Fails with `WarmStopped` when Redis stays away for `waitForRedis`, and with
   * what the ids fail with.
   */
  readonly warm: <E2 = never, R2 = never>(
    ids: Iterable<Key> | Stream.Stream<Key, E2, R2>,
    options?: Warming.WarmOptions & {
      readonly onProgress?:
        | ((progress: Warming.WarmProgress<Key, E | EngineError<OnUnavailable>>) => Effect.Effect<void>)
        | undefined
    }
  ) => Effect.Effect<Warming.WarmSummary, Warming.WarmStopped | E2, R2>
  /** As `warm`, as a stream of its progress; who stops to read it stops the warming. */
  readonly warmStream: <E2 = never, R2 = never>(
    ids: Iterable<Key> | Stream.Stream<Key, E2, R2>,
    options?: Warming.WarmOptions
  ) => Stream.Stream<Warming.WarmProgress<Key, E | EngineError<OnUnavailable>>, Warming.WarmStopped | E2, R2>
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
  /**
   * Forgets every value that has the tag, in constant time. The answer is that of `invalidate`. `InvalidKey` for a tag
   * that is empty, longer than 512 bytes, or holds a control character: no value has it.
   */
  readonly invalidateTag: (tag: string) => Effect.Effect<boolean, RedisKey.InvalidKey>
  /** Forgets every value of the cache, in constant time. The answer is that of `invalidate`. */
  readonly clear: Effect.Effect<boolean>
  /** Whether reads go to Redis now: not while it is away, nor before the end of an outage has been taken note of. */
  readonly isAvailable: Effect.Effect<boolean>
  readonly stats: Effect.Effect<CacheStats.CacheStats>
  /** What happens from now on. Who falls behind by more than 4096 events loses the oldest. */
  readonly events: Stream.Stream<CacheEvents.CacheEvent>
}

/**
 * Builds a cache on the client of the context, for as long as the scope is open. The lookup's context is taken from
 * where the cache is made.
 *
 * Dies, with a message that names the field, when the encoded form of a schema is no JSON, such as that of
 * `Schema.BigIntFromSelf`; what of that only a value can tell, such as NaN, is a failed store (see `CacheStats.storeFailures`).
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
export const make = <
  Key,
  Value,
  I,
  E,
  R,
  OnUnavailable extends "lookup" | "fail" = "lookup",
  HardTimeout extends Duration.DurationInput | undefined = undefined,
  Remembered = never,
  RememberedI = never,
  KeyI = string
>(
  options: Options<Key, Value, I, E, R, OnUnavailable, HardTimeout, Remembered, RememberedI, KeyI>
): Effect.Effect<
  TypedCache<
    Key,
    Value,
    E | Remembered | (HardTimeout extends undefined ? never : LookupRunner.LookupTimeout),
    OnUnavailable
  >,
  never,
  RedisClient | Scope.Scope | R
> =>
  Effect.gen(function* () {
    /** What the tiers hold. */
    type Held = Value | EntryCodec.CachedError<Remembered>
    type Failure =
      | E
      | Remembered
      | (HardTimeout extends undefined ? never : LookupRunner.LookupTimeout)
      | EngineError<OnUnavailable>

    yield* JsonForm.required(options.name, {
      key: options.key,
      value: DateText.make(options.value),
      error: options.error && DateText.make(options.error)
    })
    const context = yield* Effect.context<R>()
    yield* KeyOwner.claim(yield* RedisClient, options.name)
    const keyOf = CacheKey.make(options.name, options.key)
    const names = CacheKey.names(options.name, options.key)
    const engine = yield* Engine.make<Key, Value, I, E, Remembered, RememberedI>({
      ...options,
      names,
      maxBatch: LookupSource.maxBatch(options)
    })
    const { reader, writer } = engine

    const source = yield* LookupSource.make(options, context, engine)
    const origin = Source.make(options, source, Engine.longestMillis(options), engine.serverTime, engine.observer)
    /** A class, since one is made for each read and most are of no use. */
    class KeyOrigin implements Loader.ValueSource<Held, E> {
      constructor(private readonly key: Key) {}
      lookup(...[previous, lookup]: Parameters<Loader.ValueSource<Held, E>["lookup"]>) {
        return origin.lookUp(this.key, previous, lookup)
      }
    }
    const originOf = (key: Key): Loader.ValueSource<Held, E> => new KeyOrigin(key)

    // the loader fails with a RedisError only when it was told to, with LookupOverloaded only when not, and with
    // LookupTimeout only where there is a hard timeout
    type EngineFailure = Loader.LoadError<E> | Remembered | RedisKey.InvalidKey
    const failureOf = (error: EngineFailure) => error as Failure
    /** `failureOf` without a step of its own. */
    const failing = <A>(effect: Effect.Effect<A, EngineFailure>) => effect as Effect.Effect<A, Failure>

    const read =
      <A, B>(
        run: (key: CacheKey.CacheKey, origin: Loader.ValueSource<Held, E>) => Effect.Effect<A, Loader.LoadError<E>>,
        unwrap: (answer: A) => Effect.Effect<B, Remembered>
      ) =>
      (id: Key): Effect.Effect<B, Failure> =>
        Effect.suspend(() => {
          const key = keyOf(id)
          return Either.isLeft(key)
            ? Effect.fail(key.left)
            : failing(Effect.flatMap(run(key.right, originOf(id)), unwrap))
        })
    const valueOf = (held: Held): Exit.Exit<Value, Remembered> =>
      held instanceof EntryCodec.CachedError ? Exit.fail(held.error) : Exit.succeed(held)
    const servedOf = (
      served: CacheResult.CacheResult<Held>
    ): Effect.Effect<CacheResult.CacheResult<Value>, Remembered> =>
      Effect.map(valueOf(served.value), (value) => ({ ...served, value }))

    const readPast = reader.past(valueOf)
    const inTurn = Callback.inTurnOf<Key, Value, EngineFailure>((resume, _caller, id) => {
      const key = keyOf(id)
      if (Either.isLeft(key)) resume(Exit.fail(key.left))
      else readPast(key.right, originOf(id), resume)
    })
    /** Past what is at hand. */
    const getPast = (id: Key): Effect.Effect<Value, Failure> => failing(inTurn(id))
    const present = (name: string): Exit.Exit<Value, Remembered> | undefined => {
      const entry = reader.atHand(name)
      return entry === undefined ? undefined : valueOf(entry.value)
    }
    /** The hottest path: no step that it can do without. */
    const atHand: (id: Key) => Exit.Exit<Value, Failure> | undefined = (id) => {
      const name = names.ofKey(id)
      if (name !== undefined) return present(name)
      const key = keyOf(id)
      return Either.isLeft(key) ? undefined : present(names.ofText(key.right.text))
    }
    const get = reader.isAtHand ? SyncEffect.make(atHand, getPast) : getPast

    const ways = {
      reader,
      keyOf,
      originOf,
      unwrap: <B, C>(held: Held, ofValue: (value: Value) => B, ofError: (error: Failure) => C): B | C =>
        held instanceof EntryCodec.CachedError ? ofError(held.error) : ofValue(held),
      failureOf
    }
    const many = BatchReader.make(ways)
    const warmStream = Warming.make({
      ...ways,
      name: options.name,
      failsWithoutRedis: options.onUnavailable === "fail",
      defaultConcurrency: options.lookupMany === undefined ? 16 : LookupSource.maxBatch(options)
    })

    function getMany(
      ids: ReadonlyArray<Key>,
      options: ManyOptions & { readonly mode: "either" }
    ): Effect.Effect<ReadonlyArray<Either.Either<Value, Failure>>>
    function getMany(ids: ReadonlyArray<Key>, options?: ManyOptions): Effect.Effect<ReadonlyArray<Value>, Failure>
    function getMany(
      ids: ReadonlyArray<Key>,
      { concurrency = "unbounded", mode }: ManyOptions & { readonly mode?: "either" | undefined } = {}
    ): Effect.Effect<ReadonlyArray<Value> | ReadonlyArray<Either.Either<Value, Failure>>, Failure> {
      return mode === "either" ? many.outcomes(ids, concurrency) : many.values(ids, concurrency)
    }

    return {
      name: options.name,
      get,
      getResult: read(reader.getResult, servedOf),
      getOption: (id) =>
        Effect.flatMap(keyOf(id), (key) =>
          Effect.flatMap(reader.getOption(key), (found) => Effect.option(Effect.flatMap(found, servedOf)))
        ),
      getMany,
      request: CacheRequests.request({ getMany }),
      warm: (ids, { onProgress = () => Effect.void, ...options } = {}) =>
        Warming.run(warmStream(ids, options), options.from ?? 0, onProgress),
      warmStream,
      set: (id, value) =>
        Effect.flatMap(keyOf(id), ({ text }) =>
          Effect.flatMap(origin.newEntry(value, id), (entry) => writer.set(text, entry))
        ),
      update: (id, write) =>
        Effect.flatMap(keyOf(id), ({ text }) =>
          writer.update(
            text,
            Effect.flatMap(write, (value) => origin.newEntry(value, id))
          )
        ),
      refresh: read(reader.refresh, valueOf),
      invalidate: (id) => Effect.flatMap(keyOf(id), ({ text }) => writer.invalidate(text)),
      invalidateTag: (tag) =>
        Effect.flatMap(RedisKey.make(Source.tagPrefix(options.name), tag), () => writer.invalidateTag(tag)),
      clear: writer.clear,
      isAvailable: Effect.sync(engine.isAvailable),
      stats: Effect.sync(engine.stats),
      events: engine.events
    }
  })
