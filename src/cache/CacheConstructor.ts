/**
 * The constructor of a cache: typed keys and values over the engine, which knows strings and entries.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Callback from "../internal/effect/Callback.js"
import * as Eager from "../internal/effect/Eager.js"
import * as SyncEffect from "../internal/effect/SyncEffect.js"
import * as NumberSource from "../internal/NumberSource.js"
import type * as Tracing from "../internal/Tracing.js"
import { tracing } from "../internal/Tracing.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import { RedisClient } from "../redis/RedisClient.js"
import * as RedisExecutor from "../redis/RedisExecutor.js"
import * as RedisKey from "../redis/RedisKey.js"
import type { ManyOptions, ReadError, TypedCache } from "./Cache.js"
import * as CacheAdvice from "./CacheAdvice.js"
import * as CacheOptionCheck from "./CacheOptionCheck.js"
import type { Failures, Options } from "./CacheOptions.js"
import * as CacheRequests from "./CacheRequests.js"
import * as Engine from "./Engine.js"
import type { CacheEntry } from "./entry/CacheEntry.js"
import * as CacheKey from "./entry/CacheKey.js"
import * as CacheSchema from "./entry/CacheSchema.js"
import * as DateText from "./entry/DateText.js"
import * as EntryCodec from "./entry/EntryCodec.js"
import * as JsonForm from "./entry/JsonForm.js"
import * as LiveCaches from "./LiveCaches.js"
import type * as LoadRequest from "./load/LoadRequest.js"
import * as LookupSource from "./lookup/LookupSource.js"
import * as Source from "./lookup/Source.js"
import * as BatchReader from "./read/BatchReader.js"
import type * as CacheResult from "./read/CacheResult.js"
import * as Warming from "./read/Warming.js"

/** The tag of `@effect/sql`, written out here, since a cache works without that package. */
const SqlClient = Context.GenericTag<"SqlClient", unknown>("@effect/sql/SqlClient")

/**
 * Builds a cache on the `RedisClient` of the context, for the life of the scope. Lookups run with the context of this
 * construction, and never with that of a caller.
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
    /** What the tiers store. */
    type Stored = Value | EntryCodec.CachedError<CachedError>
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
    const redis = yield* RedisClient
    yield* KeyOwner.claim(redis, options.name)
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
    const advice = CacheAdvice.of(options, {
      commandTimeoutMillis: RedisExecutor.of(redis).commandTimeoutMillis,
      poolSize: CacheAdvice.poolSizeOf(Option.getOrUndefined(Context.getOption(context, SqlClient)))
    })
    if (advice.length > 0) yield* Effect.logWarning(`cache ${options.name}: ${advice.join("; ")}`)
    yield* LiveCaches.add(redis, {
      ...engine,
      name: options.name,
      options: Object.entries(options),
      advice,
      isTextKey: names.isText,
      localNameOf: names.ofText
    })

    const lookupSource = yield* LookupSource.make<Key, Value, E, R>(options, context, engine)
    const source = Source.make(
      { ...options, negative },
      lookupSource,
      Engine.longestMillis(options),
      engine.serverTime,
      engine.observer,
      yield* NumberSource.make
    )
    /** The source of one key's value. A class, since each read makes one and few use it. */
    class KeySource implements LoadRequest.ValueSource<Stored, E> {
      constructor(
        readonly key: CacheKey.CacheKey,
        readonly id: Key
      ) {}
      lookup(...[previous, lookup]: Parameters<LoadRequest.ValueSource<Stored, E>["lookup"]>) {
        return source.lookUp(this.id, previous, lookup)
      }
    }

    // the options decide which of these failures the loader has: RedisError or LookupOverloaded by `onUnavailable`, and
    // LookupTimeout by `hardTimeout`
    type EngineFailure = LoadRequest.LoadError<E> | CachedError | RedisKey.InvalidKey
    const failureOf = (error: EngineFailure) => error as Failure
    /** Like `Effect.mapError` with `failureOf`, without a step of the runtime. */
    const failing = <A>(effect: Effect.Effect<A, EngineFailure>) => effect as Effect.Effect<A, Failure>

    const read =
      <A, B>(
        run: (key: CacheKey.CacheKey, source: KeySource) => Effect.Effect<A, LoadRequest.LoadError<E>>,
        unwrap: (result: A) => Effect.Effect<B, CachedError>
      ) =>
      (id: Key): Effect.Effect<B, Failure> =>
        Effect.suspend(() => {
          const key = keyOf(id)
          return Either.isLeft(key)
            ? Effect.fail(key.left)
            : failing(Effect.flatMap(run(key.right, new KeySource(key.right, id)), unwrap))
        })
    const valueOf = (stored: Stored): Exit.Exit<Value, CachedError> =>
      stored instanceof EntryCodec.CachedError ? Exit.fail(stored.error) : Exit.succeed(stored)
    const resultOf = (
      result: CacheResult.CacheResult<Stored>
    ): Effect.Effect<CacheResult.CacheResult<Value>, CachedError> =>
      Effect.map(valueOf(result.value), (value) => ({ ...result, value }))

    const readMapped = reader.readMapped(valueOf)
    const readShared = Callback.inTurnOf<KeySource, Value, EngineFailure>((resume, caller, source) => {
      // here, where the caller is known: another step of the runtime would cost a tenth of the read
      if (tracing.listener !== undefined && caller.currentSpan?.sampled === true) resume(getTraced(source.id))
      else readMapped(source.key, source, resume, caller)
    })
    const getShared = (id: Key): Effect.Effect<Value, Failure> => {
      const key = keyOf(id)
      return failing(Either.isLeft(key) ? Exit.fail(key.left) : readShared(new KeySource(key.right, id)))
    }
    const isTraced = () => tracing.listener?.isTraced() === true
    /** The hottest path: a local hit of a key that is its own name builds no key and no closure. */
    const ownNameHit = (id: Key): CacheEntry<Stored> | undefined => {
      const name = names.ofKey(id)
      return name === undefined ? undefined : reader.localHit(name)
    }
    const hasOnlyValues = negative === undefined
    const peekLocal = (id: Key): CacheEntry<Value> | undefined =>
      // here, and not by the class of the value, which is another object to load from memory
      hasOnlyValues && !isTraced() ? (ownNameHit(id) as CacheEntry<Value> | undefined) : undefined
    const getAbsent = (id: Key): Effect.Effect<Value, Failure> => {
      if (isTraced()) return getTraced(id)
      const hit = hasOnlyValues ? undefined : ownNameHit(id)
      if (hit !== undefined) return failing(valueOf(hit.value))
      const key = keyOf(id)
      if (Either.isLeft(key)) return failing(Exit.fail(key.left))
      const builtHit = names.ofKey(id) === undefined ? reader.localHit(key.right.name) : undefined
      return failing(builtHit === undefined ? readShared(new KeySource(key.right, id)) : valueOf(builtHit.value))
    }
    const traced =
      <In, A, E2, R2 = never>(
        name: Tracing.Operation["name"],
        run: (input: In) => Effect.Effect<A, E2, R2>,
        idOf?: (input: In) => Key
      ) =>
      (input: In): Effect.Effect<A, E2, R2> =>
        tracing.listener === undefined
          ? run(input)
          : tracing.listener.operation(
              {
                name,
                of: options.name,
                key: idOf && (() => Either.getOrUndefined(keyOf(idOf(input)))?.text),
                count: Array.isArray(input) ? input.length : undefined
              },
              run(input)
            )
    const ofKey = (id: Key) => id
    const getResult = traced("cache.get", read(reader.getResult, resultOf), ofKey)
    const getTraced = (id: Key) => Effect.map(getResult(id), ({ value }) => value)
    const get = reader.hasPlainLocalHits ? SyncEffect.make({ peek: peekLocal, absent: getAbsent }) : getShared

    const parts = {
      name: options.name,
      reader,
      keyOf,
      sourceOf: (key: CacheKey.CacheKey, id: Key): LoadRequest.ValueSource<Stored, E> => new KeySource(key, id),
      unwrap: <B, C>(stored: Stored, ofValue: (value: Value) => B, ofError: (error: Failure) => C): B | C =>
        stored instanceof EntryCodec.CachedError ? ofError(stored.error) : ofValue(stored),
      failureOf
    }
    const many = BatchReader.make(parts)
    const warmStream = Warming.make({
      ...parts,
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
      return mode === "either"
        ? traced("cache.get", (ids: ReadonlyArray<Key>) => many.outcomes(ids, concurrency))(ids)
        : traced("cache.get", (ids: ReadonlyArray<Key>) => many.values(ids, concurrency))(ids)
    }

    const set = traced(
      "cache.put",
      ({ id, value }: { readonly id: Key; readonly value: Value }) =>
        Effect.suspend((): Effect.Effect<boolean, RedisKey.InvalidKey> => {
          const key = keyOf(id)
          return Either.isLeft(key)
            ? Exit.fail(key.left)
            : Eager.flatMap(source.newEntry(value, id), (entry) => writer.set(key.right.text, entry))
        }),
      ({ id }) => id
    )
    const clear = traced("cache.flush", () => writer.clear)

    return {
      name: options.name,
      get,
      getResult,
      getOption: traced(
        "cache.get",
        (id) =>
          Effect.flatMap(keyOf(id), (key) =>
            Effect.flatMap(reader.getOption(key), (found) => Effect.option(Effect.flatMap(found, resultOf)))
          ),
        ofKey
      ),
      getMany,
      request: CacheRequests.request({ getMany }),
      warm: (ids, { onProgress = () => Effect.void, ...options } = {}) =>
        Warming.run(warmStream(ids, options), options.from ?? 0, onProgress),
      warmStream,
      set: (id, value) => set({ id, value }),
      update: (id, write) =>
        traced(
          "cache.put",
          (id: Key) =>
            Effect.flatMap(keyOf(id), ({ text }) =>
              writer.update(
                text,
                Effect.flatMap(write, (value) => source.newEntry(value, id))
              )
            ),
          ofKey
        )(id),
      refresh: traced("cache.refresh", read(reader.refresh, valueOf), ofKey),
      invalidate: traced(
        "cache.remove",
        (id) => Effect.flatMap(keyOf(id), ({ text }) => writer.invalidate(text)),
        ofKey
      ),
      invalidateTag: traced("cache.remove", (tag) =>
        Effect.flatMap(RedisKey.make(Source.tagPrefix(options.name), tag), () => writer.invalidateTag(tag))
      ),
      clear: Effect.suspend(() => clear(undefined)),
      isAvailable: Effect.sync(engine.isAvailable),
      stats: Effect.sync(engine.stats),
      events: engine.events
    }
  })
