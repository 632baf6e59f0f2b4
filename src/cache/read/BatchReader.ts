/**
 * Reads several keys at once: each key once, with one read of Redis, and one load for each key that no tier holds.
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import type { InvalidKey } from "../../redis/RedisKey.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { LoadError, ValueSource } from "../load/LoadRequest.js"
import type * as ReadBound from "./ReadBound.js"
import type { Reader } from "./Reader.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface BatchReaderOptions<Key, A, Value, E, Failure> {
  /** the cache, as defects of options name it: `TypedCache "user"` */
  readonly owner: string
  readonly reader: Reader<A, E>
  readonly keyOf: (id: Key) => Either.Either<CacheKey, InvalidKey>
  readonly sourceOf: (key: CacheKey, id: Key) => ValueSource<A, E>
  /** Maps what a tier holds: a value, or a cached error. */
  readonly unwrap: <B, C>(stored: A, ofValue: (value: Value) => B, ofError: (error: Failure) => C) => B | C
  readonly failureOf: (error: LoadError<E> | InvalidKey) => Failure
  readonly readBound: (options: ReadBound.ReadOptions) => ReadBound.ReadBound | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface BatchReader<in Key, out Value, out Failure> {
  /** The values in the order of the ids. The first failure fails the read, and interrupts loads that no other caller awaits. */
  readonly values: (
    ids: ReadonlyArray<Key>,
    concurrency: number | "unbounded",
    options: ReadBound.ReadOptions
  ) => Effect.Effect<ReadonlyArray<Value>, Failure>
  /** The outcome of each id, in the order of the ids. */
  readonly outcomes: (
    ids: ReadonlyArray<Key>,
    concurrency: number | "unbounded",
    options: ReadBound.ReadOptions
  ) => Effect.Effect<ReadonlyArray<Either.Either<Value, Failure>>>
}

/**
 * The keys that are read and loaded at once. The next ones follow when these are complete. A large read so fills neither
 * the client's queue, which all callers share, nor the queue of lookups during an outage.
 */
const keysAtOnce = 1_000

/** The failure of an id, in a list whose values are not wrapped. */
class Failed<out Failure> {
  constructor(readonly failure: Failure) {}
}
const failed = <Failure>(failure: Failure) => new Failed(failure)

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <Key, A, Value, E, Failure>(
  options: BatchReaderOptions<Key, A, Value, E, Failure>
): BatchReader<Key, Value, Failure> => {
  const { failureOf, keyOf, owner, readBound, reader, sourceOf, unwrap } = options
  const check = OptionCheck.make(`getMany of ${owner}`)
  type Outcome = Value | Failed<Failure>

  /** Reads keys, all different, and loads those that no tier holds. The outcomes are in the order of the keys. */
  const chunk = (
    keys: ReadonlyArray<CacheKey>,
    named: ReadonlyArray<Key>,
    failsFast: boolean,
    concurrency: number | "unbounded",
    bound: ReadBound.ReadBound | undefined
  ): Effect.Effect<ReadonlyArray<Outcome>, Failure> =>
    Effect.flatMap(
      reader.getMany(keys, (place) => sourceOf(Array.unsafeGet(keys, place), Array.unsafeGet(named, place)), bound),
      ({ misses, values }) => {
        const outcomes = values.map((stored): Outcome => unwrap(stored, identity, failed))
        if (misses.length === 0) return Effect.succeed(outcomes)
        const loading = Effect.forEach(
          misses,
          ({ load, place }) => {
            const loaded = Effect.flatMap(Effect.mapError(load, failureOf), (stored) =>
              unwrap(stored, Effect.succeed<Value>, Effect.fail<Failure>)
            )
            const outcome = failsFast ? loaded : Effect.catchAll(loaded, (failure) => Effect.succeed(failed(failure)))
            return Effect.map(outcome, (outcome) => {
              outcomes[place] = outcome
            })
          },
          { concurrency, discard: true }
        )
        return Effect.as(loading, outcomes)
      }
    )

  const read = (
    ids: ReadonlyArray<Key>,
    failsFast: boolean,
    concurrency: number | "unbounded",
    options: ReadBound.ReadOptions
  ): Effect.Effect<ReadonlyArray<Outcome>, Failure> =>
    Effect.suspend(() => {
      if (concurrency !== "unbounded") check.wholeNumber("concurrency", concurrency)
      const bound = readBound(options)
      const positions = new Map<string, number>()
      const keys: Array<CacheKey> = []
      /** one id of each key */
      const named: Array<Key> = []
      /** for each id, the place of its key or its failure */
      const slots: Array<number | Failed<Failure>> = []
      for (const id of ids) {
        const key = keyOf(id)
        if (Either.isLeft(key)) {
          const failure = failureOf(key.left)
          if (failsFast) return Effect.fail(failure)
          slots.push(failed(failure))
          continue
        }
        let position = positions.get(key.right.text)
        if (position === undefined) {
          position = keys.length
          positions.set(key.right.text, position)
          keys.push(key.right)
          named.push(id)
        }
        slots.push(position)
      }

      const chunks = Math.ceil(keys.length / keysAtOnce)
      const read =
        chunks <= 1
          ? chunk(keys, named, failsFast, concurrency, bound)
          : Effect.map(
              Effect.forEach(Array.range(0, chunks - 1), (i) => {
                const [from, to] = [i * keysAtOnce, (i + 1) * keysAtOnce]
                return chunk(keys.slice(from, to), named.slice(from, to), failsFast, concurrency, bound)
              }),
              Array.flatten
            )
      return keys.length === ids.length
        ? read
        : Effect.map(read, (outcomes) =>
            slots.map((slot) => (typeof slot === "number" ? Array.unsafeGet(outcomes, slot) : slot))
          )
    })

  return {
    values: (ids, concurrency, options) =>
      Effect.flatMap(read(ids, true, concurrency, options), (outcomes) => {
        const failure = outcomes.find((outcome) => outcome instanceof Failed)
        return failure === undefined ? Effect.succeed(outcomes as ReadonlyArray<Value>) : Effect.fail(failure.failure)
      }),
    outcomes: (ids, concurrency, options) =>
      Effect.map(
        // without `failsFast` the read itself does not fail
        read(ids, false, concurrency, options) as Effect.Effect<ReadonlyArray<Outcome>>,
        (outcomes) =>
          outcomes.map((outcome) => (outcome instanceof Failed ? Either.left(outcome.failure) : Either.right(outcome)))
      )
  }
}
