/**
 * The source of a cache's entries: looks values up, and gives each its time to live and its tags. Errors that the cache
 * keeps become entries too.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Eager from "../../internal/effect/Eager.js"
import * as RedisKey from "../../redis/RedisKey.js"
import { type Attributes, ageAt, type CacheEntry } from "../entry/CacheEntry.js"
import { CachedError } from "../entry/EntryCodec.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import { NotModified, type Previous, Versioned } from "./ConditionalLookup.js"
import { type Lookup, LookupTimeout } from "./LookupRunner.js"
import type { LookupSource } from "./LookupSource.js"

/**
 * A value to store, with its attributes. Redis adds the creation time.
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
export interface Source<Key, Value, E, Err> {
  /** Starts to look up a value, or an error that the cache keeps. An `Exit` where the lookup answers at once. */
  readonly lookUp: (
    key: Key,
    previous: CacheEntry<Value | CachedError<Err>> | undefined,
    lookup: Lookup
  ) => Effect.Effect<NewEntry<Value | CachedError<Err>>, E | LookupTimeout>
  /** The entry of a value that was not looked up: an `Exit`, unless there is something to report. */
  readonly newEntry: (value: Value, key: Key) => Effect.Effect<NewEntry<Value>>
}

/**
 * The options that decide the attributes of entries.
 *
 * @since 0.2.0
 * @category models
 */
export interface SourceOptions<Key, Value, Err> {
  readonly name: string
  readonly timeToLive: Duration.DurationInput | ((value: Value, key: Key) => Duration.DurationInput)
  readonly jitter?: number | undefined
  readonly tags?: ((value: Value, key: Key) => ReadonlyArray<string>) | undefined
  readonly negative:
    | { readonly error: Schema.Schema<Err, unknown>; readonly timeToLive?: Duration.DurationInput | undefined }
    | undefined
}

/**
 * What settings at run time change of new entries.
 *
 * @since 0.2.0
 * @category models
 */
export interface SourceOverrides {
  /** nothing is stored */
  readonly isOff: boolean
  /** the time to live of each value that is stored at all, in milliseconds */
  readonly timeToLiveMillis: number | undefined
}

/**
 * The prefix that `InvalidKey` reports for an invalid tag.
 *
 * @since 0.1.0
 * @category getters
 */
export const tagPrefix = (name: string): string => `${name} (tags)`

const noTags: ReadonlyArray<string> = []

/**
 * `longestMillis` is the longest time to live, in milliseconds. Longer ones are shortened to it. `random` answers numbers from 0
 * to 1, for the jitter.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Key, Value, E, Err>(
  options: SourceOptions<Key, Value, Err>,
  lookups: LookupSource<Key, Value, E>,
  longestMillis: number,
  serverTime: () => number,
  observer: Pick<CacheObserver, "notStored">,
  random: () => number,
  overrides: SourceOverrides
): Source<Key, Value, E, Err> => {
  const { jitter = 0.1, name, negative } = options
  const negativeTimeToLive = negative?.timeToLive ?? "10 seconds"

  /** Throws when the argument is not a duration. */
  const millisOf = (given: Duration.DurationInput): number => {
    if (Number.isNaN(given)) throw new RangeError("a time to live is NaN")
    return Math.min(Duration.toMillis(given), longestMillis)
  }

  const timeToLiveMillis = (given: typeof options.timeToLive): ((value: Value, key: Key) => number) => {
    if (typeof given === "function") return (value, key) => millisOf(given(value, key))
    const millis = millisOf(given)
    return () => millis
  }
  const timeToLiveOf = timeToLiveMillis(options.timeToLive)

  /** Shortens a time at random, so that entries made together expire apart. */
  const jittered = (millis: number): number => (overrides.isOff ? 0 : millis * (1 - jitter * random()))

  /** A value that the option says not to store is not stored under any setting. */
  const overridden = (millis: number): number =>
    overrides.timeToLiveMillis === undefined || millis <= 0
      ? millis
      : Math.min(overrides.timeToLiveMillis, longestMillis)

  /** An entry that is not stored: it has no time to live, and only its caller receives the value. */
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

  const newEntry = (value: Value, key: Key, versionTag?: string): Effect.Effect<NewEntry<Value>> => {
    try {
      const tags = tagsOf(value, key)
      // stored without its tags, it could not be invalidated by them
      if (Either.isLeft(tags)) return Effect.as(observer.notStored(tags.left.message), unstored(value, versionTag))
      return Exit.succeed({
        value,
        timeToLive: jittered(overridden(timeToLiveOf(value, key))),
        tags: tags.right,
        versionTag
      })
    } catch (thrown) {
      return Effect.as(
        observer.notStored("its tags or its timeToLive option throws", thrown),
        unstored(value, versionTag)
      )
    }
  }

  const errorEntry = (error: Err): Effect.Effect<NewEntry<CachedError<Err>>> =>
    Effect.suspend(() => {
      const value = new CachedError(error)
      try {
        const timeToLive = jittered(millisOf(negativeTimeToLive))
        return Effect.succeed({ value, timeToLive, tags: noTags, versionTag: undefined })
      } catch (thrown) {
        return Effect.as(observer.notStored("negative.timeToLive is not a duration", thrown), unstored(value))
      }
    })

  const valueEntry = (key: Key, previous: Option.Option<Previous<Value>>, lookup: Lookup) =>
    Eager.flatMap(lookups.lookUp({ key, previous }, lookup), (answer): Effect.Effect<NewEntry<Value>> => {
      if (answer instanceof Versioned) return newEntry(answer.value, key, answer.versionTag)
      if (!(answer instanceof NotModified)) return newEntry(answer, key)
      return Option.match(previous, {
        onNone: () =>
          Effect.dieMessage(
            `cache "${name}": a lookup answered notModified although it received no previous value; ` +
              "answer notModified only where `previous` is some"
          ),
        onSome: ({ value, versionTag }) => newEntry(value, key, versionTag)
      })
    })

  const isCached = negative === undefined ? undefined : Schema.is(negative.error)

  const failed = (
    failure: E | LookupTimeout,
    isCached: (failure: unknown) => failure is Err
  ): Effect.Effect<NewEntry<CachedError<Err>>, E | LookupTimeout> => {
    if (failure instanceof LookupTimeout) return Effect.fail(failure)
    try {
      return isCached(failure) ? errorEntry(failure) : Effect.fail(failure)
    } catch (thrown) {
      return Effect.zipRight(observer.notStored("the schema in negative.error throws", thrown), Effect.fail(failure))
    }
  }

  return {
    newEntry,
    lookUp: (key, entry, lookup) => {
      const previous =
        entry === undefined || entry.value instanceof CachedError
          ? Option.none()
          : Option.some({
              value: entry.value,
              versionTag: entry.versionTag,
              age: Duration.millis(ageAt(entry, serverTime()))
            })
      const looked = valueEntry(key, previous, lookup)
      return isCached === undefined || (Eager.isExit(looked) && Exit.isSuccess(looked))
        ? looked
        : Effect.catchAll(looked, (failure) => failed(failure, isCached))
    }
  }
}
