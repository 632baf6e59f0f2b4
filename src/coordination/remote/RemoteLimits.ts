/**
 * What the processes know together of the limits of remote APIs, and what each knows alone while Redis is away.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { TwoGenerationMap } from "../../internal/collection/TwoGenerationMap.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import * as ArgumentCheck from "../../redis/ArgumentCheck.js"
import * as KeyOwner from "../../redis/KeyOwner.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisReply } from "../../redis/RedisConnection.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisKey from "../../redis/RedisKey.js"
import type { RateLimitError } from "../limit/Answer.js"
import * as Fallback from "../limit/Fallback.js"
import * as LocalKeys from "../limit/LocalKeys.js"
import * as RemoteScripts from "./RemoteScripts.js"

/**
 * How long calls are held back.
 *
 * @since 0.2.0
 * @category models
 */
export interface Settings {
  readonly backoffMillis: number
  readonly longestMillis: number
  readonly probeMillis: number
}

/**
 * What a response says.
 *
 * @since 0.2.0
 * @category models
 */
export type Lesson = Pick<RemoteScripts.LearnInput, "outcome" | "retryMillis" | "policies">

/**
 * @since 0.2.0
 * @category models
 */
export interface RemoteLimits {
  /** Reserves a call. Answers how long it should wait before it retries, and whether it is the one that probes. */
  readonly reserve: (
    name: string
  ) => Effect.Effect<{ readonly waitMillis: number; readonly isProbe: boolean }, RateLimitError>
  /** Learns from a response, here and for all processes. Returns the milliseconds for which nobody may call. */
  readonly learn: (name: string, lesson: Lesson) => Effect.Effect<number, RateLimitError>
}

/** how many APIs are remembered in the process; beyond them the ones used least recently give way */
const capacity = 1_000
/** the longest time that a hold is remembered without asking Redis, since an operator may delete it */
const longestMemoryMillis = 1_000
const pollMillis = 100

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  client: RedisClient.Service,
  { backoffMillis, longestMillis, probeMillis }: Settings
): RemoteLimits => {
  const reserve = client.run(RemoteScripts.reserve)
  const learn = client.run(RemoteScripts.learn)
  const local = LocalKeys.make(capacity)
  /** until when nobody may call, and until when that is remembered, by the monotonic clock */
  const held = new TwoGenerationMap<{ readonly until: number; readonly known: number }>(capacity)

  const keyOf = (name: string) => {
    const key = KeyOwner.named(client, "ratelimit", name)
    return Either.isRight(key)
      ? Effect.succeed(RedisKey.auxiliary(key.right, "remote"))
      : ArgumentCheck.reject("RemoteLimit", "key", name, key.left)
  }

  /** Runs a script, and its model on what this process knows while Redis is away. */
  const decide = <Input, Output extends RedisReply>(
    run: (input: Input) => Effect.Effect<Output, RedisError>,
    script: RemoteScripts.RemoteScript<Input, Output>,
    input: Input
  ): Effect.Effect<Output, RateLimitError> =>
    Effect.catchAll(run(input), (error) => (Fallback.isOutage(error) ? locally(script, input) : Effect.fail(error)))

  const locally = <Input, Output extends RedisReply>(
    script: RemoteScripts.RemoteScript<Input, Output>,
    input: Input
  ): Effect.Effect<Output> =>
    Effect.map(MonotonicClock.millis, (now) =>
      script.model({
        keys: script.keys(input),
        args: script.args(input).map(String),
        call: local.callAt(Math.floor(now))
      })
    )

  const hold = (name: string, millis: number) =>
    Effect.map(MonotonicClock.millis, (now) => {
      if (millis > 0) held.set(name, { until: now + millis, known: now + Math.min(millis, longestMemoryMillis) })
      return millis
    })

  return {
    reserve: (name) =>
      Effect.gen(function* () {
        const known = held.get(name)
        const now = yield* MonotonicClock.millis
        if (known !== undefined && now < known.known)
          return { waitMillis: Math.ceil(known.until - now), isProbe: false }
        const key = yield* keyOf(name)
        const [, waitMillis, isProbe] = yield* decide(reserve, RemoteScripts.reserve, { key, pollMillis, probeMillis })
        return { waitMillis, isProbe: isProbe === 1 }
      }),
    learn: (name, lesson) =>
      Effect.gen(function* () {
        const key = yield* keyOf(name)
        const input = { key, backoffMillis, longestMillis, ...lesson }
        // what this process has seen also counts while Redis is away
        const alone = yield* locally(RemoteScripts.learn, input)
        return yield* hold(
          name,
          yield* Effect.catchAll(learn(input), (error) =>
            Fallback.isOutage(error) ? Effect.succeed(alone) : Effect.fail(error)
          )
        )
      })
  }
}
