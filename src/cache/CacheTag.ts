/**
 * A cache as a service: a class that describes it, and layers that say where its values come from.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { RedisClient } from "../redis/RedisClient.js"
import * as TestCache from "../testing/TestCache.js"
import * as TestRedis from "../testing/TestRedis.js"
import { make, type TypedCache } from "./Cache.js"
import type { CacheDefinition, LookupOptions } from "./CacheOptions.js"
import * as CacheKey from "./entry/CacheKey.js"
import type { LookupTimeout } from "./lookup/LookupRunner.js"

/**
 * What a layer may say otherwise than the class that it is of.
 *
 * @since 0.1.0
 * @category models
 */
export type LayerOptions<Key, Value> = Partial<
  Omit<
    CacheDefinition<
      Key,
      Value,
      unknown,
      "lookup" | "fail",
      Duration.DurationInput | undefined,
      unknown,
      unknown,
      unknown
    >,
    "name" | "key" | "value" | "error" | "onUnavailable" | "hardTimeout"
  >
>

/**
 * What identifies the controls of a cache that is being tested.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestOf<out Self> {
  readonly _tag: "TestOf"
  readonly self: Self
}

/**
 * A cache's class. `LookupE` is what its lookups may fail with, `E` what its reads may.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheTag<
  in out Self,
  in out Id extends string,
  in out Key,
  in out Value,
  in out LookupE,
  in out E,
  in out OnUnavailable extends "lookup" | "fail"
> extends Context.TagClass<Self, Id, TypedCache<Key, Value, E, OnUnavailable>> {
  /**
   * The cache over a client and a source. Keep the layer in one constant: each call makes a layer of its own, and each
   * layer builds a cache.
   */
  readonly layer: <R = never>(
    options: LookupOptions<Key, Value, LookupE, R> & LayerOptions<Key, Value>
  ) => Layer.Layer<Self, never, RedisClient | R>
  /**
   * The cache in a test: no server, no lookup, and `Test` to play with it. `seed` is what its source has and the cache
   * holds; a key that is not there fails with what `missing` says, or is a defect. Caches that are built together share
   * one Redis, which is also the `RedisClient` of the test.
   */
  readonly layerTest: (
    options?: {
      readonly seed?: Iterable<readonly [Key, Value]> | undefined
      readonly missing?: ((key: Key) => LookupE) | undefined
    } & LayerOptions<Key, Value>
  ) => Layer.Layer<Self | TestOf<Self> | TestRedis.TestRedis | RedisClient>
  /** What `layerTest` lets a test do. */
  readonly Test: Context.Tag<TestOf<Self>, TestCache.TestCache<Key, Value, LookupE>>
}

/**
 * A cache as a service: `E` is what its lookups may fail with, besides what is remembered (`error`).
 *
 * @since 0.1.0
 * @category services
 * @example
 * import { TypedCache } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * class Squares extends TypedCache.Tag("Squares")<Squares>()({
 *   name: "square",
 *   key: Schema.NumberFromString,
 *   value: Schema.Number,
 *   timeToLive: "5 minutes"
 * }) {}
 *
 * // Layer<Squares, never, RedisClient>
 * const SquaresLive = Squares.layer({ lookup: (n) => Effect.succeed(n * n) })
 *
 * const program = Effect.flatMap(Squares, (squares) => squares.get(12))
 */
export const Tag =
  <const Id extends string>(id: Id) =>
  <Self, E = never>() =>
  <
    Key,
    Value,
    I,
    OnUnavailable extends "lookup" | "fail" = "lookup",
    HardTimeout extends Duration.DurationInput | undefined = undefined,
    Remembered = never,
    RememberedI = never,
    KeyI = string
  >(
    description: CacheDefinition<Key, Value, I, OnUnavailable, HardTimeout, Remembered, RememberedI, KeyI>
  ): CacheTag<
    Self,
    Id,
    Key,
    Value,
    E | Remembered,
    E | Remembered | (HardTimeout extends undefined ? never : LookupTimeout),
    OnUnavailable
  > => {
    type Failure = E | Remembered | (HardTimeout extends undefined ? never : LookupTimeout)
    const tag = Context.Tag(id)<Self, TypedCache<Key, Value, Failure, OnUnavailable>>()
    const Test = Context.GenericTag<TestOf<Self>, TestCache.TestCache<Key, Value, E | Remembered>>(`${id}/Test`)

    const build = <R>(options: LookupOptions<Key, Value, E | Remembered, R> & LayerOptions<Key, Value>) =>
      make<Key, Value, I, E | Remembered, R, OnUnavailable, HardTimeout, Remembered, RememberedI, KeyI>({
        ...description,
        ...options
      })

    return Object.assign(tag, {
      Test,
      layer: <R = never>(options: LookupOptions<Key, Value, E | Remembered, R> & LayerOptions<Key, Value>) =>
        Layer.scoped(tag, build(options)),
      layerTest: ({
        missing,
        seed = [],
        ...settings
      }: {
        readonly seed?: Iterable<readonly [Key, Value]> | undefined
        readonly missing?: ((key: Key) => E | Remembered) | undefined
      } & LayerOptions<Key, Value> = {}) =>
        Layer.provideMerge(
          Layer.scopedContext(
            Effect.gen(function* () {
              const keyOf = CacheKey.make(description.name, description.key)
              const textOf = (id: Key) => Either.map(keyOf(id), ({ text }) => text)
              const source = TestCache.source<Key, Value, E | Remembered>(textOf, missing)
              const cache = yield* build({ ...settings, lookup: source.lookup })
              const redis = yield* TestRedis.TestRedis
              // what is stored from now on is younger than the cache, though the test's clock may stand still
              yield* redis.tick
              const test = TestCache.make({ cache, source, textOf, redis })
              yield* Effect.forEach(seed, ([key, value]) => Effect.orDie(test.seed(key, value)), { discard: true })
              return Context.make(tag, cache).pipe(Context.add(Test, test))
            })
          ),
          TestRedis.layer
        )
    })
  }
