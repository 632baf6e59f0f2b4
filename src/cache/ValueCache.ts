/**
 * Values under keys of Redis, for programs that go on without it: every operation answers, and what failed is counted.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import type { InvalidKey } from "../redis/RedisKey.js"
import type { CacheCodec, CacheCodecError } from "./CacheCodec.js"
import * as FailureLog from "./FailureLog.js"

/**
 * A value found in the cache, or why there is none: what `Cache-Status` (RFC 9211) tells.
 *
 * - `Hit`: `ttl` is how long the value stays
 * - `Miss`: Redis answered, and there is no value that decodes
 * - `Bypass`: Redis was not asked or did not answer; `reason` is one word
 *
 * @since 0.1.0
 * @category models
 */
export type Lookup<A> =
  | { readonly _tag: "Hit"; readonly value: A; readonly ttl: Duration.Duration }
  | { readonly _tag: "Miss" }
  | { readonly _tag: "Bypass"; readonly reason: string }

/**
 * A key, or why there is none: what `RedisKey.make` answers.
 *
 * @since 0.1.0
 * @category models
 */
export type Key = Either.Either<string, InvalidKey>

/**
 * What happened since the start.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counts {
  readonly hits: number
  readonly misses: number
  /** stored values that did not decode: each counted as a miss too */
  readonly decodeFailures: number
  /** operations that Redis failed */
  readonly failures: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ValueCache {
  /** The value and the time it has left. */
  readonly lookup: <A>(key: Key, codec: CacheCodec<A>) => Effect.Effect<Lookup<A>>
  /** As `lookup`, without asking for the time left. */
  readonly get: <A>(key: Key, codec: CacheCodec<A>) => Effect.Effect<Option.Option<A>>
  /** Stores a value and says whether it did: not under an invalid key, nor a value that the codec refuses. */
  readonly set: <A>(key: Key, codec: CacheCodec<A>, value: A, ttl: Duration.DurationInput) => Effect.Effect<boolean>
  /** Deletes keys and says whether Redis did it, whether or not they existed. */
  readonly del: (...keys: ReadonlyArray<Key>) => Effect.Effect<boolean>
  /** The answer of any operation on Redis, or its error, counted and logged. */
  readonly attempt: <A>(operation: Effect.Effect<A, RedisError>) => Effect.Effect<Either.Either<A, RedisError>>
  readonly counts: Effect.Effect<Counts>
}

/**
 * One word for why Redis was not used.
 *
 * @since 0.1.0
 * @category utils
 */
export const bypassReason = (error: RedisError | InvalidKey): string =>
  error._tag === "RedisUnavailable" ? error.reason : error._tag

/**
 * Builds the cache on a client. HIT, MISS and BYPASS are logged at debug level.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<ValueCache, never, RedisClient> = Effect.gen(function* () {
  const redis = yield* RedisClient
  const failureLog = yield* FailureLog.make
  const counts = yield* Ref.make<Counts>({ hits: 0, misses: 0, decodeFailures: 0, failures: 0 })

  const count = (name: keyof Counts) => Ref.update(counts, (current) => ({ ...current, [name]: current[name] + 1 }))

  const failed = (error: RedisError) =>
    count("failures").pipe(Effect.zipRight(failureLog.failed(error)), Effect.as(Either.left(error)))

  const attempt = <A>(operation: Effect.Effect<A, RedisError>): Effect.Effect<Either.Either<A, RedisError>> =>
    operation.pipe(
      Effect.tap(failureLog.succeeded),
      Effect.map((answer): Either.Either<A, RedisError> => Either.right(answer)),
      Effect.catchTag(
        "RedisUnavailable",
        "RedisTimeout",
        "RedisConnectionLost",
        "RedisAuthError",
        "RedisServerError",
        "RedisProtocolError",
        failed
      )
    )

  const bypass = (error: RedisError | InvalidKey, key: string) => {
    const reason = bypassReason(error)
    return Effect.as(Effect.logDebug(`cache BYPASS (${reason}): ${key}`), { _tag: "Bypass", reason } as const)
  }

  const miss = (key: string) =>
    count("misses").pipe(Effect.zipRight(Effect.logDebug(`cache MISS: ${key}`)), Effect.as({ _tag: "Miss" } as const))

  const hit = <A>(key: string, value: A, ttl: Duration.Duration) =>
    count("hits").pipe(
      Effect.zipRight(Effect.logDebug(`cache HIT: ${key}`)),
      Effect.as({ _tag: "Hit", value, ttl } as const)
    )

  const decodeFailed = (key: string) => (error: CacheCodecError) =>
    count("decodeFailures").pipe(
      Effect.zipRight(Effect.logDebug(`cache entry ${key}: ${error.message}`)),
      Effect.zipRight(miss(key))
    )

  const read = <A>(
    key: Key,
    codec: CacheCodec<A>,
    request: (key: string) => Effect.Effect<readonly [text: Option.Option<string>, ttl: Duration.Duration], RedisError>
  ): Effect.Effect<Lookup<A>> =>
    Effect.gen(function* () {
      if (Either.isLeft(key)) return yield* bypass(key.left, key.left.prefix)
      const name = key.right
      const answer = yield* attempt(request(name))
      if (Either.isLeft(answer)) return yield* bypass(answer.left, name)
      const [text, ttl] = answer.right
      if (Option.isNone(text)) return yield* miss(name)
      return yield* codec.decode(text.value).pipe(
        Effect.flatMap((value) => hit(name, value, ttl)),
        Effect.catchTag("CacheCodecError", decodeFailed(name))
      )
    })

  const textWithTtl = (key: string) =>
    Effect.zip(
      redis.get(key),
      // none when the key expired between the two commands
      Effect.map(
        redis.ttl(key),
        Option.getOrElse(() => Duration.zero)
      ),
      { concurrent: true }
    )

  const textOnly = (key: string) => Effect.map(redis.get(key), (text) => [text, Duration.zero] as const)

  const acknowledged = <A>(operation: Effect.Effect<A, RedisError>): Effect.Effect<boolean> =>
    Effect.map(attempt(operation), Either.isRight)

  return {
    lookup: (key, codec) => read(key, codec, textWithTtl),
    get: (key, codec) =>
      Effect.map(read(key, codec, textOnly), (found) =>
        found._tag === "Hit" ? Option.some(found.value) : Option.none()
      ),
    set: (key, codec, value, ttl) =>
      Either.isLeft(key)
        ? Effect.succeed(false)
        : codec.encode(value).pipe(
            Effect.flatMap((text) => acknowledged(redis.set(key.right, text, { ttl }))),
            Effect.catchTag("CacheCodecError", (error) =>
              Effect.as(Effect.logWarning(`not cached as ${key.right}: ${error.message}`), false)
            )
          ),
    del: (...keys) => {
      const names = keys.flatMap(Either.match({ onLeft: () => [], onRight: (name) => [name] }))
      return names.length < keys.length ? Effect.succeed(false) : acknowledged(redis.del(...names))
    },
    attempt,
    counts: Ref.get(counts)
  }
})
