/**
 * A cache behind `Effect.request`: the requests of one batch are one `getMany`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Iterable from "effect/Iterable"
import * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"

/**
 * Reads many keys at once, as a `TypedCache` does.
 *
 * @since 0.1.0
 * @category models
 */
export interface BatchSource<in Key, out Value, out E> {
  readonly getMany: (
    keys: ReadonlyArray<Key>,
    options: { readonly mode: "either" }
  ) => Effect.Effect<ReadonlyArray<Either.Either<Value, E>>>
}

/**
 * Answers the requests of one batch with one `getMany`. A repeated key is looked up once. Each request completes with its
 * own value or error: its error type must hold the errors of the cache. A batch stops when all of its callers are
 * interrupted.
 *
 * @since 0.1.0
 * @category batching
 * @example
 * import { TypedCache } from "effect-cache-toolkit"
 * import * as Effect from "effect/Effect"
 * import * as Request from "effect/Request"
 *
 * declare const squares: TypedCache.TypedCache<number, number, never>
 *
 * class GetSquare extends Request.TaggedClass("GetSquare")<number, TypedCache.EngineError<"lookup">, { n: number }> {}
 *
 * const resolver = TypedCache.resolver(squares, (request: GetSquare) => request.n)
 *
 * // one MGET
 * const program = Effect.forEach([1, 2, 3], (n) => Effect.request(new GetSquare({ n }), resolver), { batching: true })
 */
export const resolver = <Self extends Request.Request<unknown, unknown>, Key>(
  cache: BatchSource<Key, Request.Request.Success<Self>, Request.Request.Error<Self>>,
  keyOf: (request: Self) => Key
): RequestResolver.RequestResolver<Self> =>
  RequestResolver.makeBatched((requests: ReadonlyArray<Self>) =>
    Effect.flatMap(Effect.exit(cache.getMany(requests.map(keyOf), { mode: "either" })), (answers) =>
      Exit.isFailure(answers)
        ? Effect.forEach(requests, Request.failCause(answers.cause), { discard: true })
        : Effect.forEach(
            Iterable.zip(requests, answers.value),
            ([request, answer]) => Request.completeEffect(request, answer),
            { discard: true }
          )
    )
  )

interface Get<in out Key, out Value, out E> extends Request.Request<Value, E> {
  readonly key: Key
}

/**
 * Makes requests for the values of a cache. `TypedCache.request` is this function.
 *
 * @since 0.1.0
 * @category batching
 */
export const request = <Key, Value, E>(cache: BatchSource<Key, Value, E>): ((key: Key) => Effect.Effect<Value, E>) => {
  const get = Request.of<Get<Key, Value, E>>()
  const answers = resolver(cache, ({ key }: Get<Key, Value, E>) => key)
  return (key) => Effect.request(get({ key }), answers)
}
