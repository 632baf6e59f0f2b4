/**
 * The methods of a cache: typed keys and values over an engine, which knows strings and entries.
 *
 * @since 0.2.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { unsafeCoerce } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Callback from "../internal/effect/Callback.js"
import * as Eager from "../internal/effect/Eager.js"
import * as SyncEffect from "../internal/effect/SyncEffect.js"
import * as NumberSource from "../internal/NumberSource.js"
import type * as Tracing from "../internal/Tracing.js"
import { tracing } from "../internal/Tracing.js"
import * as RedisKey from "../redis/RedisKey.js"
import type { ManyOptions, TypedCache } from "./Cache.js"
import * as CacheRequests from "./CacheRequests.js"
import type { Engine } from "./Engine.js"
import type { CacheEntry } from "./entry/CacheEntry.js"
import type * as CacheKey from "./entry/CacheKey.js"
import * as EntryCodec from "./entry/EntryCodec.js"
import type * as LoadRequest from "./load/LoadRequest.js"
import type { LookupOptions } from "./lookup/LookupOptions.js"
import * as LookupSource from "./lookup/LookupSource.js"
import * as Source from "./lookup/Source.js"
import * as BatchReader from "./read/BatchReader.js"
import type * as CacheResult from "./read/CacheResult.js"
import * as ReadBound from "./read/ReadBound.js"
import * as Warming from "./read/Warming.js"

/**
 * The options that the methods need.
 *
 * @since 0.2.0
 * @category models
 */
export interface MethodOptions<Key, Value, E, R, CachedError>
  extends Source.SourceOptions<Key, Value, CachedError>,
    LookupOptions<Key, Value, E, R> {
  /** as defects of options name it */
  readonly kind: "TypedCache" | "LocalCache"
  readonly maxBatch?: number | undefined
  /** whether a `RedisError` of a load comes from Redis and not from the lookup */
  readonly failsWithoutRedis: boolean
}

/**
 * What the methods are made of. `R` is the context of the cache's construction.
 *
 * @since 0.2.0
 * @category models
 */
export interface MethodParts<Key, A, E, R> {
  readonly context: Context.Context<R>
  readonly engine: Pick<
    Engine<A, E>,
    | "events"
    | "isAvailable"
    | "lookups"
    | "observer"
    | "overrides"
    | "owner"
    | "reader"
    | "serverTime"
    | "stats"
    | "writer"
  >
  readonly keyOf: (key: Key) => Either.Either<CacheKey.CacheKey, RedisKey.InvalidKey>
  readonly names: CacheKey.Names<Key>
  /** the longest time to live, in milliseconds */
  readonly longestMillis: number
}

/** One read of a key. What a caller such as `Effect.forEach` passes in the place of options is ignored. */
interface KeyRead<Key> {
  readonly id: Key
  readonly options: ReadBound.ReadOptions | undefined
}

/**
 * Makes the methods. `Failure` is what reads can fail with: the options of the cache decide which of the engine's failures occur.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <Key, Value, E, R, CachedError, Failure>(
  settings: MethodOptions<Key, Value, E, R, CachedError>,
  { context, engine, keyOf, longestMillis, names }: MethodParts<Key, Value | EntryCodec.CachedError<CachedError>, E, R>
): Effect.Effect<TypedCache<Key, Value, Failure>, never, Scope.Scope> =>
  Effect.gen(function* () {
    /** What the tiers store. */
    type Stored = Value | EntryCodec.CachedError<CachedError>

    const { negative } = settings
    const { reader, writer } = engine
    const owner = `${settings.kind} "${settings.name}"`
    const boundOf = (options: ReadBound.ReadOptions | undefined, method = "get") =>
      ReadBound.of(`${method} of ${owner}`, options, settings.kind === "LocalCache")
    const source = Source.make(
      settings,
      yield* LookupSource.make<Key, Value, E, R>(settings, context, engine),
      longestMillis,
      engine.serverTime,
      engine.observer,
      yield* NumberSource.make,
      engine.overrides
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

    type EngineFailure = LoadRequest.LoadError<E> | CachedError | RedisKey.InvalidKey
    // the options decide which of the engine's failures occur
    const failureOf = (error: EngineFailure) => error as Failure
    /** Like `Effect.mapError` with `failureOf`, without a step of the runtime. */
    const failing: <A>(effect: Effect.Effect<A, EngineFailure | Failure>) => Effect.Effect<A, Failure> = unsafeCoerce

    const read =
      <A, B>(
        run: (
          key: CacheKey.CacheKey,
          source: KeySource,
          bound: ReadBound.ReadBound | undefined
        ) => Effect.Effect<A, LoadRequest.LoadError<E>>,
        unwrap: (result: A) => Effect.Effect<B, CachedError>
      ) =>
      ({ id, options }: KeyRead<Key>): Effect.Effect<B, Failure> =>
        Effect.suspend(() => {
          const bound = boundOf(options)
          const key = keyOf(id)
          return Either.isLeft(key)
            ? failing(Exit.fail(key.left))
            : failing(Effect.flatMap(run(key.right, new KeySource(key.right, id), bound), unwrap))
        })
    const valueOf = (stored: Stored): Exit.Exit<Value, CachedError> =>
      stored instanceof EntryCodec.CachedError ? Exit.fail(stored.error) : Exit.succeed(stored)
    const resultOf = (
      result: CacheResult.CacheResult<Stored>
    ): Effect.Effect<CacheResult.CacheResult<Value>, CachedError> =>
      Effect.map(valueOf(result.value), (value) => ({ ...result, value }))

    const readMapped = reader.readMapped(valueOf)
    const readShared = Callback.inTurnOf<KeySource, Value, EngineFailure | Failure>((resume, caller, source) => {
      // here, where the caller is known: another step of the runtime would cost a tenth of the read
      if (tracing.listener !== undefined && caller.currentSpan?.sampled === true) resume(getValue(source.id))
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
      if (isTraced()) return getValue(id)
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
                of: settings.name,
                key: idOf && (() => Either.getOrUndefined(keyOf(idOf(input)))?.text),
                count: Array.isArray(input) ? input.length : undefined
              },
              run(input)
            )
    const ofKey = (id: Key) => id
    const ofRead = ({ id }: KeyRead<Key>) => id
    const readResult = traced("cache.get", read(reader.getResult, resultOf), ofRead)
    const getResult = (id: Key, options?: ReadBound.ReadOptions) => readResult({ id, options })
    const getValue = (id: Key, options?: ReadBound.ReadOptions) =>
      Effect.map(getResult(id, options), ({ value }) => value)
    const get = reader.hasPlainLocalHits
      ? SyncEffect.make({ peek: peekLocal, absent: getAbsent }, getValue)
      : (id: Key, options?: ReadBound.ReadOptions) =>
          typeof options === "object" ? getValue(id, options) : getShared(id)
    const readOption = traced(
      "cache.get",
      ({ id, options }: KeyRead<Key>) =>
        Effect.suspend(() => {
          const bound = boundOf(options)
          return Effect.flatMap(keyOf(id), (key) =>
            Effect.flatMap(reader.getOption(key, bound), (found) => Effect.option(Effect.flatMap(found, resultOf)))
          )
        }),
      ofRead
    )
    const refresh = traced("cache.refresh", read(reader.refresh, valueOf), ofRead)

    const parts = {
      name: settings.name,
      owner,
      readBound: (options: ReadBound.ReadOptions) => boundOf(options, "getMany"),
      reader,
      keyOf,
      sourceOf: (key: CacheKey.CacheKey, id: Key): LoadRequest.ValueSource<Stored, E> => new KeySource(key, id),
      unwrap: <B, C>(stored: Stored, ofValue: (value: Value) => B, ofError: (error: Failure) => C): B | C =>
        stored instanceof EntryCodec.CachedError ? ofError(failureOf(stored.error)) : ofValue(stored),
      failureOf
    }
    const many = BatchReader.make(parts)
    const warmStream = Warming.make({
      ...parts,
      failsWithoutRedis: settings.failsWithoutRedis,
      defaultConcurrency: settings.lookupMany === undefined ? 16 : LookupSource.maxBatch(settings)
    })

    function getMany(
      ids: ReadonlyArray<Key>,
      options: ManyOptions & { readonly mode: "either" }
    ): Effect.Effect<ReadonlyArray<Either.Either<Value, Failure>>>
    function getMany(ids: ReadonlyArray<Key>, options?: ManyOptions): Effect.Effect<ReadonlyArray<Value>, Failure>
    function getMany(
      ids: ReadonlyArray<Key>,
      { concurrency = "unbounded", mode, ...options }: ManyOptions & { readonly mode?: "either" | undefined } = {}
    ): Effect.Effect<ReadonlyArray<Value> | ReadonlyArray<Either.Either<Value, Failure>>, Failure> {
      return mode === "either"
        ? traced("cache.get", (ids: ReadonlyArray<Key>) => many.outcomes(ids, concurrency, options))(ids)
        : traced("cache.get", (ids: ReadonlyArray<Key>) => many.values(ids, concurrency, options))(ids)
    }

    const set = traced(
      "cache.put",
      ({ id, value }: { readonly id: Key; readonly value: Value }) =>
        Effect.suspend((): Effect.Effect<boolean, RedisKey.InvalidKey> => {
          const key = keyOf(id)
          return Either.isLeft(key)
            ? Exit.fail(key.left)
            : Eager.flatMap(source.newEntry(value, id), (entry) => writer.set(key.right, entry))
        }),
      ({ id }) => id
    )
    const clear = traced("cache.flush", () => writer.clear)

    return {
      name: settings.name,
      get,
      getResult,
      getOption: (id: Key, options?: ReadBound.ReadOptions) => readOption({ id, options }),
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
            Effect.flatMap(keyOf(id), (key) =>
              writer.update(
                key,
                Effect.flatMap(write, (value) => source.newEntry(value, id))
              )
            ),
          ofKey
        )(id),
      refresh: (id) => refresh({ id, options: undefined }),
      invalidate: traced(
        "cache.remove",
        (id) => Effect.flatMap(keyOf(id), ({ text }) => writer.invalidate(text)),
        ofKey
      ),
      invalidateTag: traced("cache.remove", (tag) =>
        Effect.flatMap(RedisKey.make(Source.tagPrefix(settings.name), tag), () => writer.invalidateTag(tag))
      ),
      clear: Effect.suspend(() => clear(undefined)),
      isAvailable: Effect.sync(engine.isAvailable),
      stats: Effect.sync(engine.stats),
      events: engine.events
    }
  })
