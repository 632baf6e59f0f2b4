/**
 * A cache as a service: a class that defines the cache, and layers that give it a lookup.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import type { RedisClient } from "../redis/RedisClient.js"
import type { ReadError, TypedCache } from "./Cache.js"
import { make } from "./CacheConstructor.js"
import {
  type CacheDefinition,
  type Failures,
  type KeyOptions,
  type LayerOptions,
  type LookupOptions,
  withLayerOptions
} from "./CacheOptions.js"

/**
 * The class of a cache. `LookupE` is what its lookups can fail with, `E` what its reads can.
 *
 * @since 0.1.0
 * @category models
 */
export interface CacheTag<in out Self, in out Id extends string, in out Key, in out Value, in out LookupE, in out E>
  extends Context.TagClass<Self, Id, TypedCache<Key, Value, E>> {
  readonly definition: KeyOptions<Key> & { readonly name: string }
  /**
   * Builds the cache on the `RedisClient`. Options set here override those of the class. Keep the layer in one constant:
   * each call makes another layer, and each layer builds another cache.
   */
  readonly layer: <R = never>(
    options: LookupOptions<Key, Value, LookupE, R> & LayerOptions<Key, Value>
  ) => Layer.Layer<Self, never, RedisClient | R>
}

/**
 * Defines a cache as a service. `E` is what its lookups can fail with, besides the errors of `negative.error`.
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
    CachedError = never,
    HardTimeout extends Duration.DurationInput | undefined = undefined,
    OnUnavailable extends "lookup" | "fail" = "lookup"
  >(
    definition: CacheDefinition<Key, Value, Failures<CachedError, HardTimeout, OnUnavailable>>
  ): CacheTag<
    Self,
    Id,
    Key,
    Value,
    E | CachedError,
    ReadError<E, Failures<CachedError, HardTimeout, OnUnavailable>>
  > => {
    type Failure = ReadError<E, Failures<CachedError, HardTimeout, OnUnavailable>>
    const tag = Context.Tag(id)<Self, TypedCache<Key, Value, Failure>>()
    return Object.assign(tag, {
      definition,
      layer: <R = never>(options: LookupOptions<Key, Value, E | CachedError, R> & LayerOptions<Key, Value>) => {
        const { lookup, lookupMany, ...settings } = options
        return Layer.scoped(tag, make({ ...withLayerOptions(definition, settings), lookup, lookupMany }))
      }
    })
  }
