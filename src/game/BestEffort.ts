/**
 * Runs commands beside the caches: counters, rate limits, the leaderboard's sorted set, raw keys. A failed command is
 * counted and logged, and its caller continues without it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Ref from "effect/Ref"
import type { FailureLog } from "../cache/observe/FailureLog.js"
import type { RedisError } from "../redis/RedisError.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface BestEffort {
  /** Answers the result of an operation, or its error. */
  readonly attempt: <A, R>(
    operation: Effect.Effect<A, RedisError, R>
  ) => Effect.Effect<Either.Either<A, RedisError>, never, R>
  /** how many operations have failed since the start */
  readonly failures: Effect.Effect<number>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (failureLog: FailureLog): Effect.Effect<BestEffort> =>
  Effect.map(Ref.make(0), (failures) => {
    const failed = (error: RedisError) =>
      Effect.zipRight(
        Ref.update(failures, (n) => n + 1),
        failureLog.failed(error)
      )
    return {
      attempt: (operation) =>
        Effect.either(
          operation.pipe(
            Effect.tapError(failed),
            Effect.tap(() => failureLog.succeeded)
          )
        ),
      failures: Ref.get(failures)
    }
  })
