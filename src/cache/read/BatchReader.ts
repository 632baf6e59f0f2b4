/**
 * Reading several keys at once: each of them once, however often it is asked for, with one question to Redis and a flight
 * for each key that is in no tier.
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import type { InvalidKey } from "../../redis/RedisKey.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { LoadError, ValueSource } from "../load/Loader.js"
import type { Reader } from "./Reader.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface BatchReaderOptions<Key, A, Value, E, Failure> {
  readonly reader: Reader<A, E>
  readonly keyOf: (id: Key) => Either.Either<CacheKey, InvalidKey>
  readonly originOf: (id: Key) => ValueSource<A, E>
  /** What a tier's answer is to a caller: a value or an error. */
  readonly unwrap: <B, C>(held: A, ofValue: (value: Value) => B, ofError: (error: Failure) => C) => B | C
  readonly failureOf: (error: LoadError<E> | InvalidKey) => Failure
}

/**
 * @since 0.1.0
 * @category models
 */
export interface BatchReader<in Key, out Value, out Failure> {
  /** In the order of the ids. The first failure that is seen fails it all, and what no other caller needs stops. */
  readonly values: (
    ids: ReadonlyArray<Key>,
    concurrency: number | "unbounded"
  ) => Effect.Effect<ReadonlyArray<Value>, Failure>
  /** In the order of the ids, each with its own outcome. */
  readonly outcomes: (
    ids: ReadonlyArray<Key>,
    concurrency: number | "unbounded"
  ) => Effect.Effect<ReadonlyArray<Either.Either<Value, Failure>>>
}

/**
 * Keys that are read and loaded together. The next ones follow when all of these are answered, so that no number of keys
 * fills the client's queue, in which other callers wait too, or the queue of lookups while Redis is away.
 */
const keysAtOnce = 1_000

/** What an id fails with, among values that are not wrapped: most are. */
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
  const { failureOf, keyOf, originOf, reader, unwrap } = options
  type Outcome = Value | Failed<Failure>

  /** Reads keys, all different, and loads those that no tier has: their outcomes in the order of the keys. */
  const chunk = (
    keys: ReadonlyArray<CacheKey>,
    named: ReadonlyArray<Key>,
    failsFast: boolean,
    concurrency: number | "unbounded"
  ): Effect.Effect<ReadonlyArray<Outcome>, Failure> =>
    Effect.flatMap(
      reader.getMany(keys, (place) => originOf(Array.unsafeGet(named, place))),
      ({ later, values }) => {
        const outcomes = values.map((held): Outcome => unwrap(held, identity, failed))
        if (later.length === 0) return Effect.succeed(outcomes)
        const loading = Effect.forEach(
          later,
          ({ load, place }) => {
            const loaded = Effect.flatMap(Effect.mapError(load, failureOf), (held) =>
              unwrap(held, Effect.succeed<Value>, Effect.fail<Failure>)
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
    concurrency: number | "unbounded"
  ): Effect.Effect<ReadonlyArray<Outcome>, Failure> =>
    Effect.suspend(() => {
      const positions = new Map<string, number>()
      const keys: Array<CacheKey> = []
      /** of each key one of its ids */
      const named: Array<Key> = []
      /** of each id its place among the keys, or what it fails with */
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
          ? chunk(keys, named, failsFast, concurrency)
          : Effect.map(
              Effect.forEach(Array.range(0, chunks - 1), (i) => {
                const [from, to] = [i * keysAtOnce, (i + 1) * keysAtOnce]
                return chunk(keys.slice(from, to), named.slice(from, to), failsFast, concurrency)
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
    values: (ids, concurrency) =>
      Effect.flatMap(read(ids, true, concurrency), (outcomes) => {
        const failure = outcomes.find((outcome) => outcome instanceof Failed)
        return failure === undefined ? Effect.succeed(outcomes as ReadonlyArray<Value>) : Effect.fail(failure.failure)
      }),
    outcomes: (ids, concurrency) =>
      Effect.map(
        // no failure is one of them all
        read(ids, false, concurrency) as Effect.Effect<ReadonlyArray<Outcome>>,
        (outcomes) =>
          outcomes.map((outcome) => (outcome instanceof Failed ? Either.left(outcome.failure) : Either.right(outcome)))
      )
  }
}
