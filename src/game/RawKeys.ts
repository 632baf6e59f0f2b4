/**
 * Stores raw keys of the application beside the caches, and deletes keys by pattern. A deletion that can match keys of
 * a cache clears that cache in every process. Keys of locks, limits, boards, counters, presence and markers cannot be
 * reached.
 *
 * @since 0.1.0
 */

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as CacheCodec from "../cache/entry/CacheCodec.js"
import * as ThrottledLog from "../internal/ThrottledLog.js"
import * as ArgumentCheck from "../redis/ArgumentCheck.js"
import * as KeyOwner from "../redis/KeyOwner.js"
import type { SetOptions } from "../redis/RedisClient.js"
import { RedisClient } from "../redis/RedisClient.js"
import type { RedisError } from "../redis/RedisError.js"
import * as RedisKey from "../redis/RedisKey.js"
import type { BestEffort } from "./BestEffort.js"
import * as RawScripts from "./RawScripts.js"

/**
 * A cache as the owner of its keys.
 *
 * @since 0.1.0
 * @category models
 */
export interface Owner {
  readonly name: string
  /**
   * Invalidates by the text of an id, and answers whether Redis has applied it; false for a text that cannot be an
   * id.
   */
  readonly invalidate: (id: string) => Effect.Effect<boolean>
  readonly clear: Effect.Effect<boolean>
}

/**
 * No operation fails while Redis is unavailable: reads answer none, writes answer false. The same holds for a key that
 * is empty, longer than 512 bytes, or contains a control character or a lone surrogate. It also holds for a key that is not raw. The toolkit
 * owns markers and keys under `lock:`, `semaphore:`, `ratelimit:`, `counters:`, `presence:` and `leaderboard:`. A key that
 * holds no string is not raw either.
 *
 * @since 0.1.0
 * @category models
 */
export interface RawKeys {
  /** Stores under a raw key only, and only a value that matches the schema. */
  readonly set: <A, I>(
    key: string,
    schema: Schema.Schema<A, I>,
    value: A,
    ttl: NonNullable<SetOptions["timeToLive"]>
  ) => Effect.Effect<boolean>
  readonly get: <A, I>(key: string, schema: Schema.Schema<A, I>) => Effect.Effect<Option.Option<A>>
  /** Deletes a raw key, or invalidates a key of a cache. */
  readonly del: (key: string) => Effect.Effect<boolean>
  /** Answers how many cached and raw keys were deleted. A cache that can have a match is cleared. */
  readonly delPattern: (pattern: string) => Effect.Effect<Option.Option<number>>
  /** Empties the database and clears every cache. */
  readonly flushDb: Effect.Effect<boolean>
}

/** The literal text that every match of a glob pattern begins with. */
const literalHead = (pattern: string): string =>
  (/^(?:\\.|[^\\*?[])*/s.exec(pattern)?.[0] ?? "").replace(/\\(.)/gs, "$1")

const canMatch = (pattern: string, { name }: Owner): boolean => {
  const head = literalHead(pattern)
  return `${name}:`.startsWith(head) || head.startsWith(`${name}:`)
}

/** The prefixes of keys that the toolkit and the game own. */
const places = /^(?:lock|semaphore|ratelimit|counters|presence|leaderboard):|^\{.*\}:whole$/s

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly attempts: BestEffort
  readonly owners: ReadonlyArray<Owner>
}): Effect.Effect<RawKeys, never, RedisClient> =>
  Effect.zipWith(RedisClient, ThrottledLog.make("plain keys"), (redis, misfitLog) => {
    const { owners } = options
    const { attempt } = options.attempts

    const ownerOf = (key: string) => Option.fromNullable(owners.find(({ name }) => key.startsWith(`${name}:`)))

    /** Whether a key is neither raw nor an entry of one of these caches. */
    const isForeign = (key: string) => places.test(key) || KeyOwner.isDerived(key) || KeyOwner.isEntry(redis, key)
    /** Whether a key may be deleted, alone or by a pattern. */
    const isWithinReach = (key: string) => Option.isSome(ownerOf(key)) || !isForeign(key)

    const misfit = (misfit: ThrottledLog.Misfit) => Effect.suspend(() => misfitLog.note(misfit) ?? Effect.void)
    const ofCodec = (what: string, key: string, { cause, message }: CacheCodec.CacheCodecError) =>
      misfit({ what, why: message, cause: cause === undefined ? undefined : Cause.die(cause), key })

    const isKey = (key: string) => Either.isRight(RedisKey.make("cache", key))

    const mayUse = (key: string): Effect.Effect<boolean> => {
      if (!isKey(key)) return Effect.succeed(false)
      return Option.isSome(ownerOf(key)) || isForeign(key)
        ? Effect.as(
            misfit({
              what: "a key was neither read nor written",
              why: "another service owns it",
              key
            }),
            false
          )
        : Effect.succeed(true)
    }

    const get = <A, I>(key: string, schema: Schema.Schema<A, I>): Effect.Effect<Option.Option<A>> =>
      Effect.gen(function* () {
        if (!(yield* mayUse(key))) return Option.none()
        const text = Option.flatten(Option.getRight(yield* attempt(redis.get(key))))
        const value = yield* Effect.transposeMapOption(text, (text) =>
          CacheCodec.make(schema)
            .decode(text)
            .pipe(
              Effect.tapError((error) => ofCodec("a stored value is a miss", key, error)),
              Effect.either
            )
        )
        const found = Option.flatMap(value, Option.getRight)
        yield* Effect.logDebug(`cache ${Option.isSome(found) ? "HIT" : "MISS"}: ${key}`)
        return found
      })

    const runSet = redis.run(RawScripts.set)
    const runDel = redis.run(RawScripts.del)
    const isDone = (replied: Effect.Effect<number, RedisError>) =>
      Effect.map(attempt(replied), (reply) => Either.isRight(reply) && reply.right === 1)

    const stored = (key: string, text: string, ttl: NonNullable<SetOptions["timeToLive"]>) =>
      isDone(
        Effect.flatMap(ArgumentCheck.timeToLiveMillis(RawScripts.set.name, "timeToLive", ttl), (ttlMillis) =>
          runSet({ key, text, ttlMillis })
        )
      )

    const set: RawKeys["set"] = (key, schema, value, ttl) =>
      Effect.gen(function* () {
        if (!(yield* mayUse(key))) return false
        const text = yield* Effect.either(CacheCodec.make(schema).encode(value))
        if (Either.isRight(text)) return yield* stored(key, text.right, ttl)
        yield* ofCodec("a value is not stored", key, text.left)
        return false
      })

    /**
     * Clears the caches after the deletion, even a failed one: markers may be deleted, and other processes hold values
     * in their local tiers. Answers a number only when every cache was cleared.
     */
    const thenClear = <A>(touched: ReadonlyArray<Owner>, deletion: Effect.Effect<A>, otherwise: A): Effect.Effect<A> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const exit = yield* Effect.exit(restore(deletion))
          const cleared = yield* Effect.forEach(touched, ({ clear }) => clear, { concurrency: "unbounded" })
          const answer = yield* exit
          return cleared.every(Boolean) ? answer : otherwise
        })
      )

    return {
      get,
      set,
      del: (key) =>
        Option.match(ownerOf(key), {
          onNone: () => Effect.flatMap(mayUse(key), (may) => (may ? isDone(runDel({ key })) : Effect.succeed(false))),
          onSome: (owner) => owner.invalidate(RedisKey.idOf(owner.name, key))
        }),
      delPattern: (pattern) =>
        isKey(pattern)
          ? thenClear(
              owners.filter((owner) => canMatch(pattern, owner)),
              Effect.map(attempt(redis.delPattern(pattern, { type: "string", where: isWithinReach })), Option.getRight),
              Option.none()
            )
          : Effect.succeedNone,
      flushDb: thenClear(owners, Effect.map(attempt(redis.flushDb), Either.isRight), false)
    }
  })
