/**
 * A cache of one process as a service: a class that defines the cache, and layers that give it a lookup.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import type { TypedCache } from "../Cache.js"
import type { Failures, KeyOptions, LookupOptions } from "../CacheOptions.js"
import { type LocalReadError, make } from "./LocalCacheConstructor.js"
import { type LocalCacheDefinition, type LocalCacheLayerOptions, withLayerOptions } from "./LocalCacheOptions.js"

/**
 * The class of a cache. `LookupE` is what its lookups can fail with, `E` what its reads can.
 *
 * @since 0.2.0
 * @category models
 */
export interface LocalCacheTag<
  in out Self,
  in out Id extends string,
  in out Key,
  in out Value,
  in out LookupE,
  in out E
> extends Context.TagClass<Self, Id, TypedCache<Key, Value, E>> {
  readonly definition: KeyOptions<Key> & { readonly name: string }
  /**
   * Builds the cache. Options set here override those of the class. Keep the layer in one constant: each call makes another
   * layer, and each layer builds another cache.
   */
  readonly layer: <R = never>(
    options: LookupOptions<Key, Value, LookupE, R> & LocalCacheLayerOptions<Key, Value>
  ) => Layer.Layer<Self, never, R>
}

/**
 * Defines a cache as a service. `E` is what its lookups can fail with, besides the errors of `negative.error`.
 *
 * @since 0.2.0
 * @category services
 * @example
 * import { LocalCache } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * class Squares extends LocalCache.Tag("Squares")<Squares>()({
 *   name: "square",
 *   key: Schema.NumberFromString,
 *   value: Schema.Number,
 *   timeToLive: "5 minutes",
 *   local: { capacity: 10_000 }
 * }) {}
 *
 * // Layer<Squares>
 * const SquaresLive = Squares.layer({ lookup: (n) => Effect.succeed(n * n) })
 *
 * const program = Effect.flatMap(Squares, (squares) => squares.get(12))
 */
export const Tag =
  <const Id extends string>(id: Id) =>
  <Self, E = never>() =>
  <Key, Value, CachedError = never, HardTimeout extends Duration.DurationInput | undefined = undefined>(
    definition: LocalCacheDefinition<Key, Value, Failures<CachedError, HardTimeout, "lookup">>
  ): LocalCacheTag<Self, Id, Key, Value, E | CachedError, LocalReadError<E, CachedError, HardTimeout>> => {
    const tag = Context.Tag(id)<Self, TypedCache<Key, Value, LocalReadError<E, CachedError, HardTimeout>>>()
    return Object.assign(tag, {
      definition,
      layer: <R = never>(
        options: LookupOptions<Key, Value, E | CachedError, R> & LocalCacheLayerOptions<Key, Value>
      ) => {
        const { lookup, lookupMany, ...settings } = options
        return Layer.scoped(tag, make({ ...withLayerOptions(definition, settings), lookup, lookupMany }))
      }
    })
  }
