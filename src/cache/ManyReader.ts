/**
 * Reading several keys at once: each of them once, however often it is asked for, with one question to Redis and a flight
 * for each key that is in no tier.
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { InvalidKey } from "../redis/RedisKey.js"
import type { LoadError, Origin } from "./Loader.js"
import type { Reader } from "./Reader.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ManyReaderOptions<Key, A, Value, E, Failure> {
  readonly reader: Reader<A, E>
  readonly textOf: (id: Key) => Either.Either<string, InvalidKey>
  readonly originOf: (id: Key) => Origin<A, E>
  /** what a tier's answer is to a caller */
  readonly outcomeOf: (held: A) => Either.Either<Value, Failure>
  readonly failureOf: (error: LoadError<E> | InvalidKey) => Failure
}

/**
 * The outcomes in the order of the ids. With `failsFast` the first failure that is seen fails the whole, and what no other
 * caller needs of the rest stops.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make =
  <Key, A, Value, E, Failure>(options: ManyReaderOptions<Key, A, Value, E, Failure>) =>
  (
    ids: ReadonlyArray<Key>,
    failsFast: boolean,
    concurrency: number | "unbounded"
  ): Effect.Effect<ReadonlyArray<Either.Either<Value, Failure>>, Failure> =>
    Effect.suspend(() => {
      const positions = new Map<string, number>()
      const origins: Array<Origin<A, E>> = []
      /** of each id its place among the keys, or what it fails with */
      const slots: Array<number | Either.Either<never, Failure>> = []
      for (const id of ids) {
        const key = options.textOf(id)
        if (Either.isLeft(key)) {
          const failure = options.failureOf(key.left)
          if (failsFast) return Effect.fail(failure)
          slots.push(Either.left(failure))
          continue
        }
        let position = positions.get(key.right)
        if (position === undefined) {
          position = origins.length
          positions.set(key.right, position)
          origins.push(options.originOf(id))
        }
        slots.push(position)
      }

      return Effect.flatMap(
        options.reader.getMany(Array.fromIterable(positions.keys()), origins),
        ({ later, values }) => {
          const outcomes = values.map(options.outcomeOf)
          const inOrder = Effect.sync(() =>
            slots.map((slot) => (typeof slot === "number" ? Array.unsafeGet(outcomes, slot) : slot))
          )
          if (later.length === 0) return inOrder
          const loading = Effect.forEach(
            later,
            ({ load, place }) => {
              const loaded = Effect.flatMap(Effect.mapError(load, options.failureOf), options.outcomeOf)
              const outcome = failsFast ? Effect.map(loaded, Either.right) : Effect.either(loaded)
              return Effect.map(outcome, (outcome) => {
                outcomes[place] = outcome
              })
            },
            { concurrency, discard: true }
          )
          return Effect.zipRight(loading, inOrder)
        }
      )
    })
