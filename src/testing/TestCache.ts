/**
 * A cache for an application's tests: the engine as it is, over Redis in memory and a source of truth in memory, both of
 * which a test can break.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { TypedCache } from "../cache/Cache.js"
import * as CacheEntry from "../cache/entry/CacheEntry.js"
import type { InvalidKey } from "../redis/RedisKey.js"
import type { TestRedis } from "./TestRedis.js"

/**
 * What a test does to a cache and to what is behind it. `InvalidKey` for an id that can be no key.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestCache<in Key, in Value, in E> {
  /** The source has this value, and the cache holds it. */
  readonly seed: (key: Key, value: Value) => Effect.Effect<void, InvalidKey>
  /** The source has this value, and the cache has not heard of it. */
  readonly change: (key: Key, value: Value) => Effect.Effect<void, InvalidKey>
  /** From now on lookups of this key fail so. */
  readonly fail: (key: Key, error: E) => Effect.Effect<void, InvalidKey>
  /** The cache holds nothing of this key: the next read looks up. */
  readonly miss: (key: Key) => Effect.Effect<void, InvalidKey>
  /** What the cache holds of this key is past its time to live: it is served while it is refreshed, or a miss without `staleFor`. */
  readonly goStale: (key: Key) => Effect.Effect<void, InvalidKey>
  /** Redis is away, for everything that was built with this cache. */
  readonly loseRedis: Effect.Effect<void>
  /** Redis is back, with what it held, and has been told of what was invalidated meanwhile. */
  readonly restoreRedis: Effect.Effect<void>
  /** how often the source was asked for this key */
  readonly lookups: (key: Key) => Effect.Effect<number, InvalidKey>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface TestSource<in Key, in out Value, in out E> {
  readonly lookup: (key: Key) => Effect.Effect<Value, E>
  readonly put: (text: string, answer: Either.Either<Value, E>) => Effect.Effect<void>
  readonly lookups: (text: string) => number
}

/**
 * A source in memory. A key that it was told nothing of fails with what `missing` says; a defect when that is not given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const source = <Key, Value, E>(
  textOf: (key: Key) => Either.Either<string, InvalidKey>,
  missing: ((key: Key) => E) | undefined
): TestSource<Key, Value, E> => {
  const answers = new Map<string, Either.Either<Value, E>>()
  const asked = new Map<string, number>()
  const lookups = (text: string) => asked.get(text) ?? 0
  return {
    lookup: (key) =>
      Effect.flatMap(Effect.orDie(textOf(key)), (text) => {
        asked.set(text, lookups(text) + 1)
        const answer = answers.get(text)
        if (answer !== undefined) return answer
        return missing === undefined
          ? Effect.dieMessage(`the test has no value of ${text}: seed one, or say what is missing`)
          : Effect.fail(missing(key))
      }),
    put: (text, answer) => Effect.sync(() => answers.set(text, answer)),
    lookups
  }
}

/** Everything that can run runs, until it has come to it. */
const eventually = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.asVoid(Effect.repeat(Effect.zipRight(Effect.yieldNow(), condition), { until: (holds) => holds }))

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <Key, Value, E, CacheE, OnUnavailable extends "lookup" | "fail">(options: {
  readonly cache: TypedCache<Key, Value, CacheE, OnUnavailable>
  readonly source: TestSource<Key, Value, E>
  readonly textOf: (key: Key) => Either.Either<string, InvalidKey>
  readonly redis: TestRedis.Service
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
              onSome: (stored) => redis.server.set(text, CacheEntry.expired(stored), { keepTtl: true })
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
      // what is stored from now on is younger than the outage, though the test's clock may stand still
      Effect.zipRight(redis.tick)
    ),
    lookups: (key) => Effect.map(textOf(key), source.lookups)
  }
}
