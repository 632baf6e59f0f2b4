/**
 * Keeps a client within the limits of the APIs that it calls, together with all other processes. The limits are learned from the
 * responses: `429`, `Retry-After`, `RateLimit` with `RateLimit-Policy`, and `X-RateLimit-*`.
 *
 * @since 0.2.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as RateLimiter from "../../coordination/RateLimiter.js"
import * as RemoteLimits from "../../coordination/remote/RemoteLimits.js"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { RedisClient } from "../../redis/RedisClient.js"
import type { InvalidKey } from "../../redis/RedisKey.js"
import * as RateLimitFields from "./RateLimitFields.js"

/**
 * How much of what an API says is believed.
 *
 * @since 0.2.0
 * @category models
 */
export interface BoundOptions {
  /** The longest time for which a response holds calls back: default 1 hour. What says longer is cut to it. */
  readonly longestHold?: Duration.DurationInput | undefined
  /** the largest quota and rest of a policy; a policy with more is ignored: default a billion */
  readonly largestQuota?: number | undefined
}

/**
 * @since 0.2.0
 * @category models
 */
export interface LearningOptions {
  /** the first part of the keys in Redis, `ratelimit:<name>:<key>`: default `remote` */
  readonly name?: string | undefined
  /** Which limit a request is under, such as an API key: default the origin of its URL. Secrets should be hashed. */
  readonly keyOf?: ((request: HttpClientRequest) => string) | undefined
  /** what a response may claim at most: default that of each option */
  readonly bounds?: BoundOptions | undefined
  /** How long a `429` that names no time holds calls back, doubled with each that follows: default 1 second. */
  readonly backoff?: Duration.DurationInput | undefined
  /** After a hold one call goes first. Another one takes its place when it has no response for so long: default 30 seconds. */
  readonly probeTimeout?: Duration.DurationInput | undefined
}

/**
 * What a call does while the API allows none, and how limits are learned. `onExceeded: "delay"` waits up to `maxWait`, and sends a
 * request again that got `429` in spite of that, if its body is no stream. `"fail"` fails at once.
 *
 * @since 0.2.0
 * @category models
 */
export type Options = LearningOptions & RateLimiter.Waiting

/**
 * The API allows no call now, or not within `maxWait`. Nothing was sent, or the API has answered with `429`. May be repeated after
 * `retryAfter`.
 *
 * @since 0.2.0
 * @category errors
 */
export class RemoteLimitExceeded extends Schema.TaggedError<RemoteLimitExceeded>()("RemoteLimitExceeded", {
  key: Schema.String,
  retryAfter: Schema.Duration
}) {
  override get message(): string {
    return `the limit of "${this.key}" is exhausted: retry in ${Duration.format(this.retryAfter)}`
  }
}

/**
 * What a limited call may fail with, besides the errors of its client. While Redis is away each process goes by what it has seen
 * itself. The other errors are mistakes of the program or its settings: a key that Redis cannot have, or rights that are missing.
 *
 * @since 0.2.0
 * @category errors
 */
export type Rejection = RemoteLimitExceeded | RateLimiter.RateLimitError | InvalidKey

/**
 * Limits the requests of a client.
 *
 * @since 0.2.0
 * @category models
 */
export type Limited = <E, R>(client: HttpClient.HttpClient.With<E, R>) => HttpClient.HttpClient.With<E | Rejection, R>

const originOf = ({ url }: HttpClientRequest): string => (URL.canParse(url) ? new URL(url).origin : "relative")

/** The calls of one process that wait for an API: one of them asks Redis. */
interface Queue {
  readonly turn: Effect.Semaphore
  waiting: number
}

/** A timer takes no more than 24 days; the caller retries when it wakes. */
const longestSleepMillis = 3_600_000

/**
 * Builds the transformation of a client. An option that cannot be right is a defect that names it.
 *
 * @since 0.2.0
 * @category constructors
 * @example
 * import { FetchHttpClient, HttpClient } from "@effect/platform"
 * import { MemoryRedis } from "effect-cache-toolkit"
 * import { RemoteLimit } from "effect-cache-toolkit/http"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const limited = yield* RemoteLimit.make({ onExceeded: "delay", maxWait: "30 seconds" })
 *   const client = limited(yield* HttpClient.HttpClient)
 *   const response = yield* client.get("https://api.example.org/rates")
 *   return yield* response.json
 * })
 *
 * const main = program.pipe(Effect.provide([FetchHttpClient.layer, MemoryRedis.layer()]))
 */
export const make = (options: Options): Effect.Effect<Limited, never, RedisClient> =>
  Effect.map(RedisClient, (redis) => {
    const { keyOf = originOf, name = "remote" } = options
    const check = OptionCheck.make("RemoteLimit")
    const millis = (option: string, given: Duration.DurationInput | undefined, otherwise: Duration.DurationInput) =>
      Math.ceil(Duration.toMillis(check.positiveDuration(option, given) ?? otherwise))
    const bounds: RateLimitFields.Bounds = {
      longestMillis: millis("bounds.longestHold", options.bounds?.longestHold, "1 hour"),
      largestQuota: check.wholeNumber("bounds.largestQuota", options.bounds?.largestQuota, { most: 1e12 }) ?? 1e9
    }
    const maxWaitMillis =
      options.onExceeded === "delay"
        ? Duration.toMillis(check.duration("maxWait", options.maxWait, { infinite: true }))
        : 0
    const limits = RemoteLimits.make(redis, {
      longestMillis: bounds.longestMillis,
      backoffMillis: millis("backoff", options.backoff, "1 second"),
      probeMillis: millis("probeTimeout", options.probeTimeout, "30 seconds")
    })
    const queues = new Map<string, Queue>()

    /** Runs an effect when it is the turn of its caller. */
    const inTurn = <A, E>(key: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const queue = queues.get(key) ?? { turn: Effect.unsafeMakeSemaphore(1), waiting: 0 }
        queues.set(key, queue)
        queue.waiting += 1
        return Effect.ensuring(
          queue.turn.withPermits(1)(effect),
          Effect.sync(() => {
            queue.waiting -= 1
            if (queue.waiting === 0) queues.delete(key)
          })
        )
      })

    /** Waits until a call may go, and answers whether it probes. */
    const reserve = (key: string, stored: string, deadline: number) => {
      const attempt: Effect.Effect<boolean, RemoteLimitExceeded | RateLimiter.RateLimitError> = Effect.gen(
        function* () {
          while (true) {
            const { isProbe, waitMillis } = yield* limits.reserve(stored)
            if (waitMillis === 0) return isProbe
            const now = yield* MonotonicClock.millis
            if (now + waitMillis > deadline) {
              return yield* new RemoteLimitExceeded({ key, retryAfter: Duration.millis(waitMillis) })
            }
            yield* Effect.sleep(Math.min(waitMillis, longestSleepMillis))
          }
        }
      )
      return Effect.flatMap(limits.reserve(stored), ({ isProbe, waitMillis }) =>
        waitMillis === 0
          ? Effect.succeed(isProbe)
          : maxWaitMillis === 0
            ? new RemoteLimitExceeded({ key, retryAfter: Duration.millis(waitMillis) })
            : inTurn(key, attempt)
      )
    }

    /** A response is not lost because Redis has not taken what it says. */
    const learn = (stored: string, lesson: RemoteLimits.Lesson): Effect.Effect<number> =>
      Effect.catchAll(limits.learn(stored, lesson), (error) =>
        Effect.as(Effect.logDebug(`RemoteLimit has not learned from a response: ${error.message}`), lesson.retryMillis)
      )

    const send = <E, R>(
      sending: Effect.Effect<HttpClientResponse, E, R>,
      stored: string,
      isProbe: boolean
    ): Effect.Effect<{ readonly response: HttpClientResponse; readonly holdMillis: number }, E, R> =>
      Effect.gen(function* () {
        const response = yield* Effect.onExit(sending, (exit) =>
          exit._tag === "Failure" && isProbe
            ? learn(stored, { outcome: "unanswered", retryMillis: 0, policies: [] })
            : Effect.void
        )
        const told = RateLimitFields.read(response.headers, yield* Clock.currentTimeMillis, bounds)
        // a server that is out of service may also say for how long
        const isLimited = response.status === 429 || (response.status === 503 && told.retryMillis !== undefined)
        const exhausted = told.policies.filter(({ remaining }) => remaining === 0).map(({ resetMillis }) => resetMillis)
        const retryMillis = told.retryMillis ?? Math.max(0, ...exhausted)
        if (!isLimited && !isProbe && told.policies.length === 0) return { response, holdMillis: 0 }
        const outcome = isLimited ? "limited" : "answered"
        return { response, holdMillis: yield* learn(stored, { outcome, retryMillis, policies: told.policies }) }
      })

    return (client) =>
      HttpClient.transform(client, (sending, request) =>
        Effect.gen(function* () {
          const key = keyOf(request)
          const stored = yield* RateLimiter.key(name, key)
          const deadline = (yield* MonotonicClock.millis) + maxWaitMillis
          while (true) {
            const isProbe = yield* reserve(key, stored, deadline)
            const { holdMillis, response } = yield* send(sending, stored, isProbe)
            if (response.status !== 429) return response
            if (maxWaitMillis === 0 || request.body._tag === "Stream") {
              return yield* new RemoteLimitExceeded({ key, retryAfter: Duration.millis(holdMillis) })
            }
          }
        })
      )
  })
