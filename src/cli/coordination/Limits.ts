/**
 * The rate limits that Redis counts now. Only the application knows the numbers of a limit: the operator gives them to have each
 * key measured.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RateLimiter from "../../coordination/RateLimiter.js"
import { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import { type CommandFailed, failed, ofRedis } from "../frame/CommandFailed.js"
import * as KeyScan from "../frame/KeyScan.js"
import * as Time from "../frame/Time.js"

/** The algorithms as options name them. */
export const algorithms = ["fixed-window", "sliding-log", "sliding-counter", "token-bucket"] as const

export type Algorithm = (typeof algorithms)[number]

export interface Counted {
  readonly algorithm: Algorithm
  /** as the application names it */
  readonly key: string
  /** the name of the limit, where it has one */
  readonly name?: string | undefined
  /** what a fixed window has allowed so far; the others keep no plain count */
  readonly used?: number | undefined
  /** until Redis forgets what was counted */
  readonly keptForMillis: number | null
  /** by the numbers of the operator */
  readonly remaining?: number | undefined
  /** until the whole limit is available, by the numbers of the operator */
  readonly resetAfterMillis?: number | undefined
}

/** The kinds of state by the last part of their keys. */
const byState: Readonly<Record<string, Algorithm>> = {
  window: "fixed-window",
  log: "sliding-log",
  counter: "sliding-counter",
  bucket: "token-bucket"
}

/** The limit of a key of Redis. */
const limitOf = (key: string): Pick<Counted, "algorithm" | "key" | "name"> | undefined => {
  if (key.startsWith("ratelimit:")) return { algorithm: "fixed-window", key: key.slice("ratelimit:".length) }
  const [, named, state = "", name] = /^\{ratelimit:(.*)\}:(window|log|counter|bucket)(?::([^{}]*))?$/s.exec(key) ?? []
  const algorithm = byState[state]
  return named === undefined || algorithm === undefined ? undefined : { algorithm, key: named, name }
}

const constructors = {
  "fixed-window": RateLimiter.fixedWindow,
  "sliding-log": RateLimiter.slidingLog,
  "sliding-counter": RateLimiter.slidingCounter,
  "token-bucket": RateLimiter.tokenBucket
}

export interface Numbers {
  readonly algorithm: Algorithm
  readonly limit: number
  readonly window: Duration.DurationInput
  readonly burst?: number | undefined
  /** the name of the limit, where it has one */
  readonly name?: string | undefined
}

/** The limit of the numbers. Throws `InvalidOption`, which names the one that cannot be right. */
export const make = ({ algorithm, burst, limit, name, window }: Numbers): RateLimiter.RateLimit =>
  constructors[algorithm]({ limit, name, window, onUnavailable: "deny", ...(burst === undefined ? {} : { burst }) })

const measured = (
  limiter: RateLimiter.RateLimiter.Service,
  key: string,
  limit: RateLimiter.RateLimit
): Effect.Effect<Pick<Counted, "remaining" | "resetAfterMillis">, CommandFailed> =>
  Effect.mapError(limiter.peek(key, limit), ({ message }) => failed(message)).pipe(
    Effect.flatMap(({ decision, remaining, resetAfter }) =>
      decision._tag === "Outage"
        ? Effect.fail(ofRedis(decision.error))
        : Effect.succeed({ remaining, resetAfterMillis: Math.round(Duration.toMillis(resetAfter)) })
    )
  )

/** With numbers, only the keys of their algorithm are listed. */
export const list = (
  most: number,
  numbers: Numbers | undefined
): Effect.Effect<{ readonly limits: ReadonlyArray<Counted>; readonly hasMore: boolean }, CommandFailed, RedisClient> =>
  Effect.gen(function* () {
    const client = yield* RedisClient
    const limiter = yield* RateLimiter.make
    const redis = <A>(effect: Effect.Effect<A, RedisError>) => Effect.mapError(effect, ofRedis)
    const plain = yield* redis(KeyScan.keys(client, "ratelimit:*", most))
    const braced = yield* redis(KeyScan.keys(client, "{ratelimit:*", most))
    const limits: Array<Counted> = []
    for (const key of [...plain.keys, ...braced.keys]) {
      const found = limitOf(key)
      if (found === undefined || (numbers !== undefined && found.algorithm !== numbers.algorithm)) continue
      const { algorithm, name } = found
      const limit = numbers === undefined ? undefined : make({ ...numbers, name })
      const used =
        algorithm === "fixed-window" ? Number(Option.getOrUndefined(yield* redis(client.get(key)))) : undefined
      limits.push({
        ...found,
        used: used === undefined || Number.isNaN(used) ? undefined : used,
        keptForMillis: Time.millisLeft(yield* redis(client.ttl(key))),
        ...(limit === undefined ? {} : yield* measured(limiter, found.key, limit))
      })
    }
    return { limits, hasMore: plain.hasMore || braced.hasMore }
  })

/** Deletes what was counted for the key under limits of this name, by all algorithms that are named. */
export const reset = (
  key: string,
  which: ReadonlyArray<Algorithm>,
  name?: string
): Effect.Effect<void, CommandFailed, RedisClient> =>
  Effect.gen(function* () {
    const limiter = yield* RateLimiter.make
    // which keys a reset deletes does not depend on the numbers
    const anyNumbers = { limit: 1, window: "1 second" } as const
    yield* Effect.forEach(
      which,
      (algorithm) => Effect.mapError(limiter.reset(key, make({ algorithm, name, ...anyNumbers })), ofRedis),
      { discard: true }
    )
  })
