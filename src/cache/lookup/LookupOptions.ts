/**
 * The options of a cache that name its source.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type { Answer, Previous } from "./ConditionalLookup.js"

/**
 * Where the values of a cache come from.
 *
 * @since 0.1.0
 * @category models
 */
export interface LookupOptions<Key, Value, E, R> {
  /**
   * Loads the value of a key from the source of truth. The answer may be `versioned(value, tag)`. A later lookup gets the
   * value that the cache holds and may answer `notModified`. An invalidated value is not passed.
   */
  readonly lookup: (
    key: Key,
    previous: Option.Option<Previous<NoInfer<Value>>>
  ) => Effect.Effect<Answer<NoInfer<Value>>, E, R>
  /**
   * Loads several keys with one call: the misses of a `getMany`, or of concurrent reads. The answers stand in the order of
   * the keys (see `alignToKeys`). A failure of the call is the failure of each key. A single key goes to `lookup`. Default: every
   * key goes to `lookup`.
   */
  readonly lookupMany?:
    | ((
        keys: ReadonlyArray<Key>,
        previous: ReadonlyArray<Option.Option<Previous<NoInfer<Value>>>>
      ) => Effect.Effect<ReadonlyArray<Either.Either<Answer<NoInfer<Value>>, E>>, E, R>)
    | undefined
}
