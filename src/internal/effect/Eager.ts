/**
 * Combinators that answer an `Exit` where their input is one, and an effect elsewhere. A codec of plain JSON so needs no
 * step of the runtime. A codec that compresses or waits has the same two functions.
 *
 * The functions that are given must not throw: an `Exit` has no runtime that would catch it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"

/** Whether an effect is an `Exit`, with the types of that effect. */
export const isExit = <A, E, R>(effect: Effect.Effect<A, E, R>): effect is Exit.Exit<A, E> => Exit.isExit(effect)

/** Whether an effect is an `Either`, as those of `Schema` are that need no other effect. */
export const isEither = <A, E>(effect: Effect.Effect<A, E>): effect is Either.Either<A, E> => Either.isEither(effect)

/** Like `Effect.flatMap`. */
export const flatMap = <A, E, B, E2>(
  effect: Effect.Effect<A, E>,
  next: (value: A) => Effect.Effect<B, E2>
): Effect.Effect<B, E | E2> =>
  !isExit(effect)
    ? Effect.flatMap(effect, next)
    : Exit.isSuccess(effect)
      ? next(effect.value)
      : Exit.failCause(effect.cause)

/** Like `Effect.map`. */
export const map = <A, E, B>(effect: Effect.Effect<A, E>, f: (value: A) => B): Effect.Effect<B, E> =>
  isExit(effect) ? Exit.map(effect, f) : Effect.map(effect, f)
