/**
 * How fast a server answers what the toolkit sends, beside PING.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TypedCache from "../../cache/TypedCache.js"
import * as DistributedLock from "../../coordination/DistributedLock.js"
import * as RateLimiter from "../../coordination/RateLimiter.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import { type CommandFailed, failed, ofRedis } from "../frame/CommandFailed.js"
import * as Percentile from "../frame/Percentile.js"

/** One operation that is measured, with what it needs. */
interface Subject {
  readonly name: string
  readonly run: Effect.Effect<unknown, CommandFailed>
}

export interface Measured {
  readonly operation: string
  /** one after the other, in milliseconds */
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** `concurrency` at once */
  readonly perSecond: number
  /** the median of PING in that of this operation: 1 is as fast */
  readonly besidePing: number
}

export interface MeasurementOptions {
  readonly samples: number
  readonly concurrency: number
  /** of a value, in bytes */
  readonly valueBytes: number
}

const kept = "1 minute"

/** The operations, on keys of the measurement's own, which are deleted with the scope. */
const subjects = ({
  concurrency,
  valueBytes
}: MeasurementOptions): Effect.Effect<ReadonlyArray<Subject>, CommandFailed, RedisClient | Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* RedisClient
    const own = `effect-cache-bench:${crypto.randomUUID()}`
    const text = "x".repeat(valueBytes)
    const redis = <A>(effect: Effect.Effect<A, RedisError>) => Effect.mapError(effect, ofRedis)
    const other = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
      Effect.mapError(effect, ({ message }) => failed(message))

    const cache = yield* TypedCache.make({
      name: own,
      key: Schema.String,
      value: Schema.String,
      timeToLive: kept,
      lookup: () => Effect.succeed(text)
    })
    const limiter = yield* RateLimiter.make
    const locks = yield* DistributedLock.make
    const limit = RateLimiter.slidingCounter({ limit: 1_000_000, window: kept, onUnavailable: "deny" })
    // so many that callers do not wait for each other
    const lockKeys = Array.from({ length: 2 * concurrency }, (_, i) => `${own}:${i}`)
    yield* Effect.addFinalizer(() =>
      Effect.ignore(
        Effect.all([
          client.del(
            ...[`${own}:plain`, `${own}:cached`, `{${own}}:clear`],
            ...lockKeys.map((key) => `{lock:${key}}:fence`)
          ),
          limiter.reset(own, limit)
        ])
      )
    )
    yield* redis(client.set(`${own}:plain`, text, { timeToLive: kept }))
    yield* other(cache.set("cached", text))
    let nth = 0
    const lock = Effect.suspend(() =>
      locks.withLock(lockKeys[nth++ % lockKeys.length] ?? own, { timeToLive: "5 seconds", maxWait: "5 seconds" })(
        Effect.void
      )
    )
    return [
      { name: "PING", run: redis(client.send("PING")) },
      { name: "GET", run: redis(client.get(`${own}:plain`)) },
      { name: "SET", run: redis(client.set(`${own}:plain`, text, { timeToLive: kept })) },
      { name: "cached read from Redis", run: other(cache.get("cached")) },
      { name: "cached write", run: other(cache.set("cached", text)) },
      { name: "rate limit", run: other(limiter.consume(own, limit)) },
      { name: "lock and release", run: other(lock) }
    ]
  })

const measure = ({ name, run }: Subject, { concurrency, samples }: MeasurementOptions) =>
  Effect.gen(function* () {
    // scripts are loaded, and code is compiled
    yield* Effect.repeatN(run, Math.ceil(samples / 10))
    const took: Array<number> = []
    for (let i = 0; i < samples; i++) {
      const start = yield* MonotonicClock.millis
      yield* run
      took.push((yield* MonotonicClock.millis) - start)
    }
    took.sort((one, other) => one - other)
    const start = yield* MonotonicClock.millis
    const total = samples * 4
    yield* Effect.forEach(Array.from({ length: total }), () => run, { concurrency, discard: true })
    const seconds = ((yield* MonotonicClock.millis) - start) / 1000
    return {
      operation: name,
      p50: Percentile.of(took, 0.5),
      p99: Percentile.of(took, 0.99),
      max: took[took.length - 1] ?? 0,
      perSecond: Math.round(total / seconds)
    }
  })

export const all = (options: MeasurementOptions): Effect.Effect<ReadonlyArray<Measured>, CommandFailed, RedisClient> =>
  Effect.gen(function* () {
    const measured = yield* Effect.forEach(yield* subjects(options), (subject) => measure(subject, options))
    const ping = measured[0]?.p50 ?? 0
    return measured.map((one) => ({ ...one, besidePing: ping === 0 ? 0 : one.p50 / ping }))
  }).pipe(Effect.scoped)
