/**
 * A cache for the tests of an application: the real engine over Redis in memory and a source in memory. A test can break
 * both.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { TypedCache } from "../cache/Cache.js"
import type { LayerOptions } from "../cache/CacheOptions.js"
import type { CacheTag } from "../cache/CacheTag.js"
import * as CacheEntry from "../cache/entry/CacheEntry.js"
import * as CacheKey from "../cache/entry/CacheKey.js"
import * as CacheSchema from "../cache/entry/CacheSchema.js"
import * as JsonEncoding from "../cache/entry/json/JsonEncoding.js"
import type { RedisClient } from "../redis/RedisClient.js"
import type { InvalidKey } from "../redis/RedisKey.js"
import * as TestRedis from "./TestRedis.js"

/**
 * What a test does to a cache and to what is behind the cache. `E` is what its lookups can fail with. `InvalidKey` for an
 * id that cannot be a key.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestCache<in Key, in Value, in E> {
  /** Puts a value into the source and into the cache. */
  readonly seed: (key: Key, value: Value) => Effect.Effect<void, InvalidKey>
  /** Puts a value into the source, without an invalidation of the cache. */
  readonly change: (key: Key, value: Value) => Effect.Effect<void, InvalidKey>
  /** Makes every further lookup of the key fail. */
  readonly fail: (key: Key, error: E) => Effect.Effect<void, InvalidKey>
  /** Drops the key from the cache: the next read is a miss. */
  readonly miss: (key: Key) => Effect.Effect<void, InvalidKey>
  /** Moves the cached value past its time to live: stale with `staleFor`, expired without. */
  readonly goStale: (key: Key) => Effect.Effect<void, InvalidKey>
  /** Takes Redis away, from all caches that were built together. */
  readonly loseRedis: Effect.Effect<void>
  /** Brings Redis back with what it held, and sends the invalidations of the outage. */
  readonly restoreRedis: Effect.Effect<void>
  /** How often the key was looked up. */
  readonly lookups: (key: Key) => Effect.Effect<number, InvalidKey>
}

/**
 * The identifier of the controls of a cache under test.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestOf<out Self> {
  readonly _tag: "TestOf"
  readonly self: Self
}

/**
 * The tag of the controls that `layer` provides.
 *
 * @since 0.2.0
 * @category services
 */
export const of = <Self, Id extends string, Key, Value, LookupE, E>(
  cache: CacheTag<Self, Id, Key, Value, LookupE, E>
): Context.Tag<TestOf<Self>, TestCache<Key, Value, LookupE>> => Context.GenericTag(`${cache.key}/Test`)

/**
 * Builds a cache without a server and without a lookup. Caches that are built together share one Redis, which is also the
 * `RedisClient` of the test. Works under a `TestClock` and under the system's clock.
 *
 * `seed` is what the source has and what the cache holds. A lookup of another key fails with what `missing` answers, and
 * is a defect without `missing`. All other options are those of `layer`.
 *
 * @since 0.2.0
 * @category layers
 * @example
 * import { TypedCache } from "effect-cache-toolkit"
 * import { TestCache } from "effect-cache-toolkit/testing"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * class Names extends TypedCache.Tag("Names")<Names>()({
 *   name: "name",
 *   key: Schema.String,
 *   value: Schema.String,
 *   timeToLive: "5 minutes"
 * }) {}
 *
 * // "Ada", from the source: Redis is away
 * const outage = Effect.gen(function* () {
 *   const { loseRedis } = yield* TestCache.of(Names)
 *   yield* loseRedis
 *   return yield* Effect.flatMap(Names, (names) => names.get("ada"))
 * })
 *
 * Effect.runPromise(Effect.provide(outage, TestCache.layer(Names, { seed: [["ada", "Ada"]] })))
 */
export const layer = <Self, Id extends string, Key, Value, LookupE, E>(
  tag: CacheTag<Self, Id, Key, Value, LookupE, E>,
  options: LayerOptions<Key, Value> & {
    /** what the source has and what the cache holds: default nothing */
    readonly seed?: Iterable<readonly [Key, Value]> | undefined
    /** the error of a lookup of a key that the source does not have: default a defect */
    readonly missing?: ((key: Key) => LookupE) | undefined
  } = {}
): Layer.Layer<Self | TestOf<Self> | TestRedis.TestRedis | RedisClient> => {
  const { missing, seed = [], ...settings } = options
  const { key, name } = tag.definition
  const keyOf = CacheKey.make(name, JsonEncoding.ofKey(CacheSchema.toSchema(key)))
  const textOf = (id: Key) => Either.map(keyOf(id), ({ text }) => text)

  const build = Effect.sync(() => {
    const source = makeSource<Key, Value, LookupE>(textOf, missing)
    const controls = Effect.gen(function* () {
      const redis = yield* TestRedis.TestRedis
      // values stored from now on are younger than the cache, even where the test's clock stands still
      yield* redis.tick
      const controls = make({ cache: yield* tag, source, textOf, redis })
      yield* Effect.forEach(seed, ([key, value]) => Effect.orDie(controls.seed(key, value)), { discard: true })
      return controls
    })
    return Layer.provideMerge(Layer.effect(of(tag), controls), tag.layer({ ...settings, lookup: source.lookup }))
  })
  return Layer.provideMerge(Layer.unwrapEffect(build), TestRedis.layer)
}

/** The source of truth of a test, by the text of the key. */
interface TestSource<in Key, in out Value, in out E> {
  readonly lookup: (key: Key) => Effect.Effect<Value, E>
  readonly put: (text: string, answer: Either.Either<Value, E>) => Effect.Effect<void>
  readonly lookups: (text: string) => number
}

const makeSource = <Key, Value, E>(
  textOf: (key: Key) => Either.Either<string, InvalidKey>,
  missing: ((key: Key) => E) | undefined
): TestSource<Key, Value, E> => {
  const answers = new Map<string, Either.Either<Value, E>>()
  const counts = new Map<string, number>()
  const lookups = (text: string) => counts.get(text) ?? 0
  return {
    lookup: (key) =>
      Effect.flatMap(Effect.orDie(textOf(key)), (text) => {
        counts.set(text, lookups(text) + 1)
        const answer = answers.get(text)
        if (answer !== undefined) return answer
        return missing === undefined
          ? Effect.dieMessage(
              `TestCache: the source has no value of "${text}": seed one, or give the layer \`missing\``
            )
          : Effect.fail(missing(key))
      }),
    put: (text, answer) => Effect.sync(() => answers.set(text, answer)),
    lookups
  }
}

/** Yields to other fibers until the condition holds. */
const eventually = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.asVoid(Effect.repeat(Effect.zipRight(Effect.yieldNow(), condition), { until: (holds) => holds }))

const make = <Key, Value, E, ReadE>(options: {
  readonly cache: TypedCache<Key, Value, ReadE>
  readonly source: TestSource<Key, Value, E>
  readonly textOf: (key: Key) => Either.Either<string, InvalidKey>
  readonly redis: TestRedis.TestRedis.Service
}): TestCache<Key, Value, E> => {
  const { cache, redis, source, textOf } = options
  const change = (key: Key, value: Value) =>
    Effect.flatMap(textOf(key), (text) => source.put(text, Either.right(value)))
  const dropLocal = eventually(
    Effect.zipRight(
      redis.gap,
      Effect.map(cache.stats, ({ local }) => local === 0)
    )
  )
  return {
    change,
    seed: (key, value) => Effect.asVoid(Effect.zipRight(change(key, value), cache.set(key, value))),
    fail: (key, error) => Effect.flatMap(textOf(key), (text) => source.put(text, Either.left(error))),
    miss: (key) => Effect.asVoid(cache.invalidate(key)),
    goStale: (key) =>
      Effect.flatMap(textOf(key), (text) =>
        redis.server.get(text).pipe(
          Effect.flatMap(
            Option.match({
              onNone: () => Effect.void,
              onSome: (stored) => redis.server.set(text, CacheEntry.expired(stored), { keepTimeToLive: true })
            })
          ),
          Effect.orDie,
          Effect.zipRight(dropLocal)
        )
      ),
    loseRedis: Effect.zipRight(redis.cut, eventually(Effect.map(cache.isAvailable, (isAvailable) => !isAvailable))),
    restoreRedis: redis.restore.pipe(
      Effect.zipRight(
        eventually(
          Effect.zipWith(cache.isAvailable, cache.stats, (isAvailable, { outbox }) => isAvailable && outbox === 0)
        )
      ),
      // values stored from now on are younger than the outage, even where the test's clock stands still
      Effect.zipRight(redis.tick)
    ),
    lookups: (key) => Effect.map(textOf(key), source.lookups)
  }
}
