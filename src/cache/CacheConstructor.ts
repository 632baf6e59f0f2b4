/**
 * The constructor of a cache: typed keys and values over the engine, which knows strings and entries.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Callback from "../internal/Callback.js"
import * as SyncEffect from "../internal/SyncEffect.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import * as RedisKey from "../redis/RedisKey.js"
import type { ManyOptions, ReadError, TypedCache } from "./Cache.js"
import * as CacheOptionCheck from "./CacheOptionCheck.js"
import type { Failures, Options } from "./CacheOptions.js"
import * as CacheRequests from "./CacheRequests.js"
import * as Engine from "./Engine.js"
import * as CacheKey from "./entry/CacheKey.js"
import * as CacheSchema from "./entry/CacheSchema.js"
import * as DateText from "./entry/DateText.js"
import * as EntryCodec from "./entry/EntryCodec.js"
import * as JsonForm from "./entry/JsonForm.js"
import type * as Loader from "./load/Loader.js"
import * as LookupSource from "./lookup/LookupSource.js"
import * as Source from "./lookup/Source.js"
import * as BatchReader from "./read/BatchReader.js"
import type * as CacheResult from "./read/CacheResult.js"
import * as Warming from "./read/Warming.js"

/**
 * Builds a cache on the `RedisClient` of the context, for the life of the scope. Lookups run with the context of this
 * construction, whoever calls.
 *
 * Dies when an option cannot be right, with a message that names the option. Dies too when the encoded form of a schema is
 * no JSON, such as that of `Schema.BigIntFromSelf`. A value that is no JSON, such as NaN, is a failed store
 * (`CacheStats.storeFailures`).
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
  E,
  R,
  CachedError = never,
  HardTimeout extends Duration.DurationInput | undefined = undefined,
  OnUnavailable extends "lookup" | "fail" = "lookup"
>(
  options: Options<Key, Value, E, R, Failures<CachedError, HardTimeout, OnUnavailable>>
): Effect.Effect<
  TypedCache<Key, Value, ReadError<E, Failures<CachedError, HardTimeout, OnUnavailable>>>,
  never,
  RedisClient | Scope.Scope | R
> =>
  Effect.gen(function* () {
    /** What the tiers hold. */
    type Outcome = Value | EntryCodec.CachedError<CachedError>
    type Failure = ReadError<E, Failures<CachedError, HardTimeout, OnUnavailable>>

    CacheOptionCheck.check(options)
    const keySchema = CacheSchema.toSchema(options.key)
    const valueSchema = CacheSchema.toSchema(options.value)
    const negative = options.negative && { ...options.negative, error: CacheSchema.toSchema(options.negative.error) }
    yield* JsonForm.required(options.name, {
      key: keySchema,
      value: DateText.make(valueSchema),
      error: negative && DateText.make(negative.error)
    })
    const context = yield* Effect.context<R>()
    yield* KeyOwner.claim(yield* RedisClient, options.name)
    const keyOf = CacheKey.make(options.name, keySchema)
    const names = CacheKey.names(options.name, keySchema)
    const engine = yield* Engine.make<Key, Value, E, CachedError>({
      ...options,
      value: valueSchema,
      negative,
      names,
      maxBatch: LookupSource.maxBatch(options)
    })
    const { reader, writer } = engine

    const source = yield* LookupSource.make<Key, Value, E, R>(options, context, engine)
    const origin = Source.make(
      { ...options, negative },
      source,
      Engine.longestMillis(options),
      engine.serverTime,
      engine.observer
    )
    /** A class, since one is made for each read and most are of no use. */
    class KeyOrigin implements Loader.ValueSource<Outcome, E> {
      constructor(private readonly key: Key) {}
      lookup(...[previous, lookup]: Parameters<Loader.ValueSource<Outcome, E>["lookup"]>) {
        return origin.lookUp(this.key, previous, lookup)
      }
    }
    const originOf = (key: Key): Loader.ValueSource<Outcome, E> => new KeyOrigin(key)

    // the loader fails with a RedisError only when it was told to, with LookupOverloaded only when not, and with
    // LookupTimeout only where there is a hard timeout
    type EngineFailure = Loader.LoadError<E> | CachedError | RedisKey.InvalidKey
    const failureOf = (error: EngineFailure) => error as Failure
    /** `failureOf` without a step of its own. */
    const failing = <A>(effect: Effect.Effect<A, EngineFailure>) => effect as Effect.Effect<A, Failure>

    const read =
      <A, B>(
        run: (key: CacheKey.CacheKey, origin: Loader.ValueSource<Outcome, E>) => Effect.Effect<A, Loader.LoadError<E>>,
        unwrap: (answer: A) => Effect.Effect<B, CachedError>
      ) =>
      (id: Key): Effect.Effect<B, Failure> =>
        Effect.suspend(() => {
          const key = keyOf(id)
          return Either.isLeft(key)
            ? Effect.fail(key.left)
            : failing(Effect.flatMap(run(key.right, originOf(id)), unwrap))
        })
    const valueOf = (held: Outcome): Exit.Exit<Value, CachedError> =>
      held instanceof EntryCodec.CachedError ? Exit.fail(held.error) : Exit.succeed(held)
    const servedOf = (
      served: CacheResult.CacheResult<Outcome>
    ): Effect.Effect<CacheResult.CacheResult<Value>, CachedError> =>
      Effect.map(valueOf(served.value), (value) => ({ ...served, value }))

    const readPast = reader.past(valueOf)
    const inTurn = Callback.inTurnOf<Key, Value, EngineFailure>((resume, _caller, id) => {
      const key = keyOf(id)
      if (Either.isLeft(key)) resume(Exit.fail(key.left))
      else readPast(key.right, originOf(id), resume)
    })
    /** Past what is at hand. */
    const getPast = (id: Key): Effect.Effect<Value, Failure> => failing(inTurn(id))
    const present = (name: string): Exit.Exit<Value, CachedError> | undefined => {
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
      unwrap: <B, C>(held: Outcome, ofValue: (value: Value) => B, ofError: (error: Failure) => C): B | C =>
        held instanceof EntryCodec.CachedError ? ofError(held.error) : ofValue(held),
      failureOf
    }
    const many = BatchReader.make(ways)
    const warmStream = Warming.make({
      ...ways,
      name: options.name,
      failsWithoutRedis: options.outage?.onUnavailable === "fail",
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
