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
    Effect.gen(function* () {
      const positions = new Map<string, number>()
      const origins: Array<Origin<A, E>> = []
      const slots = ids.map((id) =>
        Either.map(options.textOf(id), (key) => {
          const known = positions.get(key)
          if (known !== undefined) return known
          positions.set(key, origins.length)
          return origins.push(options.originOf(id)) - 1
        })
      )
      const invalid = failsFast ? slots.find(Either.isLeft) : undefined
      if (invalid !== undefined) return yield* Effect.fail(options.failureOf(invalid.left))

      const answers = yield* options.reader.getMany(Array.fromIterable(positions.keys()), origins)
      const outcomes: Array<Either.Either<Value, Failure>> = []
      const later = answers.flatMap((answer, i) => {
        if (Either.isLeft(answer)) return [{ i, load: answer.left }]
        outcomes[i] = options.outcomeOf(answer.right)
        return []
      })
      yield* Effect.forEach(
        later,
        ({ i, load }) => {
          const loaded = Effect.flatMap(Effect.mapError(load, options.failureOf), options.outcomeOf)
          const outcome = failsFast ? Effect.map(loaded, Either.right) : Effect.either(loaded)
          return Effect.map(outcome, (outcome) => {
            outcomes[i] = outcome
          })
        },
        { concurrency, discard: true }
      )
      return slots.map((slot) =>
        Either.flatMap(Either.mapLeft(slot, options.failureOf), (i) => Array.unsafeGet(outcomes, i))
      )
    })
