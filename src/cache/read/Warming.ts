/**
 * Loads many keys before they are read: few at once, with progress, and resumable from a cursor.
 *
 * @since 0.1.0
 */

import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Iterable from "effect/Iterable"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as OptionCheck from "../../internal/input/OptionCheck.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisError } from "../../redis/RedisError.js"
import type { InvalidKey } from "../../redis/RedisKey.js"
import type { CacheKey } from "../entry/CacheKey.js"
import { readFailureOf } from "../invalidation/outage/ReadFailure.js"
import type { LoadError, ValueSource } from "../load/LoadRequest.js"
import { LookupOverloaded } from "../lookup/LookupRunner.js"
import type { Reader } from "./Reader.js"
import type { WarmPlan } from "./WarmPlan.js"

/**
 * The counts of one run of a warming.
 *
 * @since 0.1.0
 * @category models
 */
export interface WarmSummary {
  /** ids that are complete: loaded, fresh or failed */
  readonly done: number
  /** ids that were looked up */
  readonly loaded: number
  /** ids that were fresh in Redis */
  readonly alreadyThere: number
  /** ids whose lookup failed, or that are no valid keys */
  readonly failed: number
  /** complete ids from the start of the ids: where another run continues */
  readonly cursor: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WarmProgress<out Key, out E> extends WarmSummary {
  /** the failures since the last progress */
  readonly failures: ReadonlyArray<{ readonly key: Key; readonly error: E }>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WarmOptions {
  /** the keys that are looked up at once: default 16, or one batch where there is a `lookupMany` */
  readonly concurrency?: number | undefined
  /** the cursor of an earlier run over the same ids in the same order; the ids before it are skipped: default 0 */
  readonly from?: number | undefined
  /** how long it waits for Redis before it stops: default 30 seconds */
  readonly waitForRedis?: Duration.DurationInput | undefined
}

/**
 * The warming stopped because Redis stayed away: nothing would keep the values that it looks up. The ids before the cursor
 * are complete. The counts are those of `WarmSummary`.
 *
 * @since 0.1.0
 * @category errors
 */
export class WarmStopped extends Schema.TaggedError<WarmStopped>()("WarmStopped", {
  cache: Schema.String,
  /** one word, such as `Disconnected` */
  reason: Schema.String,
  done: Schema.Int,
  loaded: Schema.Int,
  alreadyThere: Schema.Int,
  failed: Schema.Int,
  cursor: Schema.Int
}) {
  override get message(): string {
    return `warming the cache "${this.cache}" stopped before id ${this.cursor}, since Redis is away: ${this.reason}`
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WarmingOptions<Key, A, Value, E, Failure> {
  readonly name: string
  /** the cache, as defects of options name it: `TypedCache "user"` */
  readonly owner: string
  readonly reader: Reader<A, E>
  readonly keyOf: (id: Key) => Either.Either<CacheKey, InvalidKey>
  readonly sourceOf: (key: CacheKey, id: Key) => ValueSource<A, E>
  /** Maps what a tier holds: a value, or a cached error. */
  readonly unwrap: <B, C>(stored: A, ofValue: (value: Value) => B, ofError: (error: Failure) => C) => B | C
  readonly failureOf: (error: LoadError<E> | InvalidKey) => Failure
  /** whether a `RedisError` of a load comes from Redis and not from the lookup */
  readonly failsWithoutRedis: boolean
  readonly defaultConcurrency: number
}

/** The ids of one step, for each concurrent lookup: few enough for frequent progress, many enough to keep lookups busy. */
const lookupsPerStep = 4

/** The most ids of one step, which are read from Redis by one command. */
const maxStep = 512

/** The first pause when Redis is away. Each further one is twice as long, since each attempt may waste a lookup. */
const firstPauseMillis = 250

/** The outcome of one id; `Away` when it must be retried. */
type WarmOutcome<Failure> =
  | { readonly _tag: "Loaded" | "AlreadyThere" }
  | { readonly _tag: "Failed"; readonly error: Failure }
  | { readonly _tag: "Away"; readonly reason: string }

/** An `InvalidArgument` fails the same way each time, so that it is a failure of the id. */
type Outage = Exclude<RedisError, { readonly _tag: "InvalidArgument" }>

const outages: ReadonlySet<unknown> = new Set<Outage["_tag"]>([
  "RedisUnavailable",
  "RedisTimeout",
  "RedisConnectionLost",
  "RedisAuthError",
  "RedisServerError",
  "RedisProtocolError"
])

/** By tag, since the schemas of these errors would be in the bundle of each cache. */
const isOutage = (error: unknown): error is Outage => Predicate.hasProperty(error, "_tag") && outages.has(error._tag)

const nothingDone = (cursor: number): WarmSummary => ({ done: 0, loaded: 0, alreadyThere: 0, failed: 0, cursor })

const alreadyThere = { _tag: "AlreadyThere" } as const

/**
 * Makes the stream of a warming's progress, with one element for each step. The errors of the ids' stream pass unchanged.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Key, A, Value, E, Failure>(warming: WarmingOptions<Key, A, Value, E, Failure>) => {
  /** The reason of a failure that is Redis's, and not the id's. */
  const awayBecause = (error: LoadError<E>): string | undefined => {
    if (error instanceof LookupOverloaded) return error._tag
    return warming.failsWithoutRedis && isOutage(error) ? readFailureOf(error).reason : undefined
  }

  const outcomeOf = (plan: WarmPlan<A, E>): Effect.Effect<WarmOutcome<Failure>> => {
    if (plan._tag === "Fresh") return Effect.succeed({ _tag: "AlreadyThere" })
    if (plan._tag === "Unavailable") return Effect.succeed({ _tag: "Away", reason: plan.failure.reason })
    return Effect.match(plan.load, {
      onFailure: (error): WarmOutcome<Failure> => {
        const reason = awayBecause(error)
        return reason === undefined ? { _tag: "Failed", error: warming.failureOf(error) } : { _tag: "Away", reason }
      },
      onSuccess: ({ reason = "", source, value }): WarmOutcome<Failure> => {
        if (source === "Degraded") return { _tag: "Away", reason }
        return warming.unwrap(
          value,
          (): WarmOutcome<Failure> => ({ _tag: source === "Redis" ? "AlreadyThere" : "Loaded" }),
          (error): WarmOutcome<Failure> => ({ _tag: "Failed", error })
        )
      }
    })
  }

  return <E2 = never, R2 = never>(
    ids: Iterable<Key> | Stream.Stream<Key, E2, R2>,
    options: WarmOptions = {}
  ): Stream.Stream<WarmProgress<Key, Failure>, WarmStopped | E2, R2> =>
    Stream.suspend(() => {
      const { duration, wholeNumber } = OptionCheck.make(`warm of ${warming.owner}`)
      const concurrency = wholeNumber("concurrency", options.concurrency) ?? warming.defaultConcurrency
      const from = wholeNumber("from", options.from, { least: 0 }) ?? 0
      const waitMillis = Duration.toMillis(
        duration("waitForRedis", options.waitForRedis, { infinite: true }) ?? "30 seconds"
      )

      /** Completes the keys. The answer is the reason why Redis stayed away, if it did. */
      const settle = (pending: Map<string, readonly [CacheKey, Key]>, outcomes: Map<string, WarmOutcome<Failure>>) =>
        Effect.gen(function* () {
          let pause = firstPauseMillis
          let since = yield* MonotonicClock.millis
          while (true) {
            const plans = yield* warming.reader.planWarming(
              Array.from(pending.values(), ([key]) => key),
              Array.from(pending.values(), ([key, id]) => warming.sourceOf(key, id))
            )
            const results = yield* Effect.forEach(plans, outcomeOf, { concurrency })
            let away: string | undefined
            for (const [text, outcome] of Iterable.zip(Array.from(pending.keys()), results)) {
              if (outcome._tag === "Away") {
                away = outcome.reason
                continue
              }
              outcomes.set(text, outcome)
              pending.delete(text)
              pause = firstPauseMillis
              since = yield* MonotonicClock.millis
            }
            if (away === undefined) return Option.none()
            const left = since + waitMillis - (yield* MonotonicClock.millis)
            // Redis is switched off or closed, and does not come back
            if (left <= 0 || away === "Disabled") return Option.some(away)
            yield* Effect.sleep(Math.min(pause, Math.ceil(left)))
            pause *= 2
          }
        })

      const step = (before: WarmSummary, ids: ReadonlyArray<Key>) =>
        Effect.gen(function* () {
          const keyed = ids.map((id) => ({ id, key: warming.keyOf(id) }))
          const outcomes = new Map<string, WarmOutcome<Failure>>()
          const stopped = yield* settle(
            new Map(keyed.flatMap(({ id, key }) => (Either.isRight(key) ? [[key.right.text, [key.right, id]]] : []))),
            outcomes
          )
          if (Option.isSome(stopped)) {
            return yield* new WarmStopped({ cache: warming.name, reason: stopped.value, ...before })
          }
          const after = { ...before }
          const failures: Array<{ readonly key: Key; readonly error: Failure }> = []
          for (const { id, key } of keyed) {
            const outcome = Either.match(key, {
              onLeft: (error): WarmOutcome<Failure> => ({ _tag: "Failed", error: warming.failureOf(error) }),
              onRight: ({ text }) => outcomes.get(text) ?? alreadyThere
            })
            if (outcome._tag === "Failed") failures.push({ key: id, error: outcome.error })
            if (outcome._tag === "Loaded") after.loaded++
            // counted once for an id that is given twice
            if (outcome._tag === "Loaded" && Either.isRight(key)) outcomes.set(key.right.text, alreadyThere)
            if (outcome._tag === "AlreadyThere") after.alreadyThere++
          }
          after.failed += failures.length
          after.done += ids.length
          after.cursor += ids.length
          const progress: WarmProgress<Key, Failure> = { ...after, failures }
          return [after, progress] as const
        })

      const all: Stream.Stream<Key, E2, R2> = Stream.StreamTypeId in ids ? ids : Stream.fromIterable(ids)
      return all.pipe(
        Stream.drop(from),
        Stream.grouped(Math.min(maxStep, concurrency * lookupsPerStep)),
        Stream.mapAccumEffect(nothingDone(from), (before, ids) => step(before, Chunk.toReadonlyArray(ids)))
      )
    })
}

/**
 * Runs a stream of progress to its end.
 *
 * @since 0.1.0
 * @category combinators
 */
export const run = <Key, Failure, E, R>(
  progress: Stream.Stream<WarmProgress<Key, Failure>, E, R>,
  from: number,
  onProgress: (progress: WarmProgress<Key, Failure>) => Effect.Effect<void>
): Effect.Effect<WarmSummary, E, R> =>
  Stream.runFoldEffect(progress, nothingDone(from), (_, { failures, ...summary }) =>
    Effect.as(onProgress({ ...summary, failures }), summary)
  )
