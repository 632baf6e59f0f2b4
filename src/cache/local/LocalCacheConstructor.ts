/**
 * The constructor of a cache that lives in one process.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as KeyOwner from "../../redis/KeyOwner.js"
import type * as RedisKey from "../../redis/RedisKey.js"
import type { TypedCache } from "../Cache.js"
import * as CacheMethods from "../CacheMethods.js"
import * as CacheOptionCheck from "../CacheOptionCheck.js"
import type { Failures } from "../CacheOptions.js"
import * as CacheKey from "../entry/CacheKey.js"
import * as CacheSchema from "../entry/CacheSchema.js"
import type { LookupCycle } from "../lookup/LoadGraph.js"
import type { LookupTimeout } from "../lookup/LookupRunner.js"
import type { LocalCacheOptions } from "./LocalCacheOptions.js"
import * as LocalEngine from "./LocalEngine.js"

/**
 * What a read can fail with, whose lookup fails with `E`: the lookup's errors and those of `negative.error`, `LookupTimeout` with
 * `refresh.hardTimeout`, `InvalidKey` for an id that cannot be a key, and `LookupCycle` for a lookup that waits for itself.
 *
 * @since 0.2.0
 * @category errors
 */
export type LocalReadError<E, CachedError, HardTimeout extends Duration.DurationInput | undefined> =
  | E
  | CachedError
  | (HardTimeout extends undefined ? never : LookupTimeout)
  | RedisKey.InvalidKey
  | LookupCycle

/** Values need not be kept in Redis, so that any time fits. A number, since jitter of an infinite time may be no time. */
const longestMillis = Number.MAX_SAFE_INTEGER

/**
 * Builds a cache in the memory of the process, for the life of the scope. Lookups run with the context of this construction, and
 * never with that of a caller.
 *
 * Dies when an option cannot be right, with a message that names the option.
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * import { LocalCache } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * const squares = LocalCache.make({
 *   name: "square",
 *   key: Schema.NumberFromString,
 *   value: Schema.Number,
 *   timeToLive: "5 minutes",
 *   local: { capacity: 10_000 },
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
  HardTimeout extends Duration.DurationInput | undefined = undefined
>(
  options: LocalCacheOptions<Key, Value, E, R, Failures<CachedError, HardTimeout, "lookup">>
): Effect.Effect<TypedCache<Key, Value, LocalReadError<E, CachedError, HardTimeout>>, never, Scope.Scope | R> =>
  Effect.gen(function* () {
    type Failure = LocalReadError<E, CachedError, HardTimeout>

    CacheOptionCheck.check(options, "LocalCache")
    yield* KeyOwner.requireName(options.name)
    const { local } = options
    if (local.maxBytes !== undefined && options.value === undefined) {
      return yield* Effect.dieMessage(
        `LocalCache "${options.name}": option \`local.maxBytes\` needs \`value\`, the schema by which values are measured`
      )
    }
    const keySchema = CacheSchema.toSchema(options.key)
    const negative = options.negative && { ...options.negative, error: CacheSchema.toSchema(options.negative.error) }
    const names = CacheKey.names(options.name, keySchema)
    const engine = yield* LocalEngine.make<Key, Value, E, CachedError>({
      ...options,
      value:
        local.maxBytes === undefined || options.value === undefined ? undefined : CacheSchema.toSchema(options.value),
      negative,
      names
    })
    return yield* CacheMethods.make<Key, Value, E, R, CachedError, Failure>(
      { ...options, kind: "LocalCache", negative, failsWithoutRedis: false },
      {
        context: yield* Effect.context<R>(),
        engine,
        keyOf: CacheKey.make(options.name, keySchema),
        names,
        longestMillis
      }
    )
  })
