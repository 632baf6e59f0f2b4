/**
 * Where values come from, and what is stored beside them: a user's lookup, times to live, tags and remembered errors,
 * as the engine takes them.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as RedisKey from "../../redis/RedisKey.js"
import type { CacheSettings } from "../CacheOptions.js"
import type { Attributes, CacheEntry } from "../entry/CacheEntry.js"
import { CachedError } from "../entry/EntryCodec.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import { NotModified, type Previous, Versioned } from "./ConditionalLookup.js"
import { type Lookup, LookupTimeout } from "./LookupRunner.js"
import type { LookupSource } from "./LookupSource.js"

/**
 * A value and what is stored beside it.
 *
 * @since 0.1.0
 * @category models
 */
export interface NewEntry<out A> extends Attributes {
  readonly value: A
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Origin<Key, Value, E, Err> {
  /** A lookup's answer, or a failure that is remembered. */
  readonly lookUp: (
    key: Key,
    previous: CacheEntry<Value | CachedError<Err>> | undefined,
    lookup: Lookup
  ) => Effect.Effect<NewEntry<Value | CachedError<Err>>, E | LookupTimeout>
  /** The entry of a value that was not looked up. */
  readonly newEntry: (value: Value, key: Key) => Effect.Effect<NewEntry<Value>>
}

/**
 * The prefix that an invalid tag of a cache is said to be for.
 *
 * @since 0.1.0
 * @category getters
 */
export const tagPrefix = (name: string): string => `${name} (tags)`

const noTags: ReadonlyArray<string> = []

/**
 * `longestMillis` is the longest time to live that a server keeps.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Key, Value, E, Err>(
  options: Pick<CacheSettings<Key, Value>, "name" | "timeToLive" | "jitter" | "tags"> & {
    readonly negative:
      | { readonly error: Schema.Schema<Err, unknown>; readonly timeToLive?: Duration.DurationInput | undefined }
      | undefined
  },
  source: LookupSource<Key, Value, E>,
  longestMillis: number,
  serverTime: () => number,
  observer: Pick<CacheObserver, "notStored">
): Origin<Key, Value, E, Err> => {
  const { jitter = 0.1, name, negative } = options
  const negativeTimeToLive = negative?.timeToLive ?? "10 seconds"

  /** Throws for what is no duration. */
  const millisOf = (given: Duration.DurationInput): number => {
    if (Number.isNaN(given)) throw new RangeError("a time to live is NaN")
    return Math.min(Duration.toMillis(given), longestMillis)
  }

  /** Made shorter by chance. */
  const jittered = (millis: number) => Effect.map(Random.next, (random) => millis * (1 - jitter * random))

  /** What only its caller gets, without a time to live. */
  const unstored = <A>(value: A, versionTag?: string): NewEntry<A> => ({
    value,
    timeToLive: 0,
    tags: noTags,
    versionTag
  })

  const tagsOf = (value: Value, key: Key): Either.Either<ReadonlyArray<string>, RedisKey.InvalidKey> =>
    options.tags === undefined
      ? Either.right(noTags)
      : Either.all(
          Array.from(new Set(options.tags(value, key)), (tag) =>
            Either.map(RedisKey.make(tagPrefix(name), tag), () => tag)
          )
        )

  const newEntry = (value: Value, key: Key, versionTag?: string): Effect.Effect<NewEntry<Value>> =>
    Effect.suspend(() => {
      try {
        const tags = tagsOf(value, key)
        // it could not be invalidated by its tags
        if (Either.isLeft(tags)) return Effect.as(observer.notStored(tags.left.message), unstored(value, versionTag))
        const given = typeof options.timeToLive === "function" ? options.timeToLive(value, key) : options.timeToLive
        const shortened = jittered(millisOf(given))
        return Effect.map(shortened, (timeToLive) => ({ value, timeToLive, tags: tags.right, versionTag }))
      } catch (thrown) {
        return Effect.as(observer.notStored("its tags or its time to live throw", thrown), unstored(value, versionTag))
      }
    })

  const remembered = (error: Err): Effect.Effect<NewEntry<CachedError<Err>>> =>
    Effect.suspend(() => {
      const value = new CachedError(error)
      try {
        const shortened = jittered(millisOf(negativeTimeToLive))
        return Effect.map(shortened, (timeToLive) => ({ value, timeToLive, tags: noTags, versionTag: undefined }))
      } catch (thrown) {
        return Effect.as(observer.notStored("negative.timeToLive is not a duration", thrown), unstored(value))
      }
    })

  const answered = (key: Key, previous: Option.Option<Previous<Value>>, lookup: Lookup) =>
    Effect.flatMap(source.ask({ key, previous }, lookup), (answer) => {
      if (answer instanceof Versioned) return newEntry(answer.value, key, answer.versionTag)
      if (!(answer instanceof NotModified)) return newEntry(answer, key)
      return Option.match(previous, {
        onNone: () => Effect.dieMessage(`a lookup of the cache ${name} answered notModified without a previous value`),
        onSome: ({ value, versionTag }) => newEntry(value, key, versionTag)
      })
    })

  const isRemembered = negative === undefined ? undefined : Schema.is(negative.error)

  const failed = (
    failure: E | LookupTimeout,
    isRemembered: (failure: unknown) => failure is Err
  ): Effect.Effect<NewEntry<CachedError<Err>>, E | LookupTimeout> => {
    if (failure instanceof LookupTimeout) return Effect.fail(failure)
    try {
      return isRemembered(failure) ? remembered(failure) : Effect.fail(failure)
    } catch (thrown) {
      return Effect.zipRight(observer.notStored("the schema of errors throws", thrown), Effect.fail(failure))
    }
  }

  return {
    newEntry,
    lookUp: (key, entry, lookup) =>
      Effect.suspend(() => {
        const previous =
          entry === undefined || entry.value instanceof CachedError
            ? Option.none()
            : Option.some({
                value: entry.value,
                versionTag: entry.versionTag,
                age: Duration.millis(Math.max(0, serverTime() - entry.createdAt))
              })
        const answer = answered(key, previous, lookup)
        return isRemembered === undefined ? answer : Effect.catchAll(answer, (failure) => failed(failure, isRemembered))
      })
  }
}
