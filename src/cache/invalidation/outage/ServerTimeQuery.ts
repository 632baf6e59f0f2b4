/**
 * Asks the server for its time, for the distrust of entries (rule 10 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { RedisClient } from "../../../redis/RedisClient.js"
import type { RedisError } from "../../../redis/RedisError.js"
import * as ServerTime from "../../../redis/ServerTime.js"

type TimeClient = Pick<RedisClient.Service, "send" | "serverTime">

/**
 * The answer of TIME in milliseconds, rounded up; undefined when the answer is no time.
 *
 * @since 0.2.0
 * @category constructors
 */
export const answerOfTime = (redis: Pick<RedisClient.Service, "send">): Effect.Effect<number | undefined, RedisError> =>
  Effect.map(redis.send("TIME"), (reply) => {
    // a mark that is NaN would be above no entry, and so switch off distrust
    const millis = ServerTime.millisOf(reply)
    return millis === undefined ? undefined : Math.ceil(millis)
  })

/**
 * The server's time in milliseconds, rounded up: its answer to TIME, or the client's estimate where the answer is no time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const queryServerTime = (redis: TimeClient): Effect.Effect<number, RedisError> =>
  Effect.flatMap(answerOfTime(redis), (time) => (time === undefined ? redis.serverTime : Effect.succeed(time)))

/**
 * Answers a function that asks for the time in the background, once a second at most. `onTime` receives the answer, unless
 * the open generation has changed since the question.
 *
 * @since 0.1.0
 * @category constructors
 */
export const inBackground = (
  query: Effect.Effect<number | undefined, RedisError>,
  openGeneration: () => number | undefined,
  onTime: (serverTime: number) => void
): Effect.Effect<() => void, never, Scope.Scope> =>
  Effect.map(FiberSet.makeRuntime<never>(), (fork) => {
    let isAsking = false
    const ask = Effect.suspend(() => {
      const generation = openGeneration()
      return Effect.map(query, (time) => {
        if (time !== undefined && generation === openGeneration()) onTime(time)
      })
    }).pipe(
      Effect.ignore,
      // where the estimate of the time is wrong, and not the mark, every read would cause a query
      Effect.zipRight(Effect.sleep("1 second")),
      Effect.ensuring(
        Effect.sync(() => {
          isAsking = false
        })
      )
    )
    return () => {
      if (isAsking) return
      isAsking = true
      fork(ask)
    }
  })
