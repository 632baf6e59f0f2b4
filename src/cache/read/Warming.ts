/**
 * Loading many keys before anybody asks for them: few at once, told as it goes, and to be taken up again where it
 * stopped.
 *
 * @since 0.1.0
 */

import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Iterable from "effect/Iterable"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { RedisError } from "../../redis/RedisError.js"
import type { InvalidKey } from "../../redis/RedisKey.js"
import type { CacheKey } from "../entry/CacheKey.js"
import { readFailureOf } from "../invalidation/ReadFailure.js"
import type { LoadError, ValueSource } from "../load/Loader.js"
import { LookupOverloaded } from "../lookup/LookupRunner.js"
import type { Reader } from "./Reader.js"
import type { WarmPlan } from "./WarmPlan.js"

/**
 * How far a warming has come, counted from where this run began.
 *
 * @since 0.1.0
 * @category models
 */
export interface WarmSummary {
  /** ids that are dealt with, in whatever way */
  readonly done: number
  /** looked up now */
  readonly loaded: number
  /** fresh in Redis already */
  readonly alreadyThere: number
  /** failed to be looked up, or cannot be keys */
  readonly failed: number
  /** ids from the first of all that are dealt with: where another run goes on */
  readonly cursor: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WarmProgress<out Key, out E> extends WarmSummary {
  /** what failed since the last progress */
  readonly failures: ReadonlyArray<{ readonly key: Key; readonly error: E }>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WarmOptions {
  /** keys that are looked up at once: default 16, or one batch where there is a `lookupMany` */
  readonly concurrency?: number | undefined
  /** the cursor of an earlier run over the same ids in the same order, which are then not even read: default 0 */
  readonly from?: number | undefined
  /** how long it waits when Redis is away before it stops: default 30 seconds */
  readonly waitForRedis?: Duration.DurationInput | undefined
}

/**
 * Warming has stopped because Redis stayed away: what is looked up meanwhile would be kept by nobody. Everything before
 * the cursor is dealt with, and what this run has done until then is told as in `WarmSummary`.
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
  readonly reader: Reader<A, E>
  readonly keyOf: (id: Key) => Either.Either<CacheKey, InvalidKey>
  readonly sourceOf: (key: CacheKey, id: Key) => ValueSource<A, E>
  /** What a tier's answer is to a caller: a value or an error. */
  readonly unwrap: <B, C>(held: A, ofValue: (value: Value) => B, ofError: (error: Failure) => C) => B | C
  readonly failureOf: (error: LoadError<E> | InvalidKey) => Failure
  /** whether a `RedisError` of a load is Redis's and not the lookup's */
  readonly failsWithoutRedis: boolean
  readonly defaultConcurrency: number
}

/** Ids of one step for each lookup at once: few enough to tell of progress often, many enough to keep all lookups busy. */
const lookupsPerStep = 4

/** Ids that are asked of Redis by one command. */
const maxStep = 512

/** The first pause when Redis is away; each further one is twice as long, since a lookup may have come to nothing. */
const firstPauseMillis = 250

/** What became of one id; `Away` when it is to be tried again. */
type Outcome<Failure> =
  | { readonly _tag: "Loaded" | "AlreadyThere" }
  | { readonly _tag: "Failed"; readonly error: Failure }
  | { readonly _tag: "Away"; readonly reason: string }

const nothingDone = (cursor: number): WarmSummary => ({ done: 0, loaded: 0, alreadyThere: 0, failed: 0, cursor })

const alreadyThere = { _tag: "AlreadyThere" } as const

/**
 * A progress after each step. The ids' own errors pass unchanged.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Key, A, Value, E, Failure>(warming: WarmingOptions<Key, A, Value, E, Failure>) => {
  const isRedisError = Schema.is(RedisError)

  /** A failure of Redis, and of it alone. */
  const awayBecause = (error: LoadError<E>): string | undefined => {
    if (error instanceof LookupOverloaded) return error._tag
    return warming.failsWithoutRedis && isRedisError(error) ? readFailureOf(error).reason : undefined
  }

  const outcomeOf = (preparation: WarmPlan<A, E>): Effect.Effect<Outcome<Failure>> => {
    if (preparation._tag === "Fresh") return Effect.succeed({ _tag: "AlreadyThere" })
    if (preparation._tag === "Unavailable") return Effect.succeed({ _tag: "Away", reason: preparation.failure.reason })
    return Effect.match(preparation.load, {
      onFailure: (error): Outcome<Failure> => {
        const reason = awayBecause(error)
        return reason === undefined ? { _tag: "Failed", error: warming.failureOf(error) } : { _tag: "Away", reason }
      },
      onSuccess: ({ reason = "", source, value }): Outcome<Failure> => {
        if (source === "Degraded") return { _tag: "Away", reason }
        return warming.unwrap(
          value,
          (): Outcome<Failure> => ({ _tag: source === "Redis" ? "AlreadyThere" : "Loaded" }),
          (error): Outcome<Failure> => ({ _tag: "Failed", error })
        )
      }
    })
  }

  return <E2 = never, R2 = never>(
    ids: Iterable<Key> | Stream.Stream<Key, E2, R2>,
    options: WarmOptions = {}
  ): Stream.Stream<WarmProgress<Key, Failure>, WarmStopped | E2, R2> => {
    const { concurrency = warming.defaultConcurrency, from = 0 } = options
    const waitMillis = Duration.toMillis(options.waitForRedis ?? "30 seconds")

    /** Deals with the keys, and answers why Redis stayed away when it did. */
    const settle = (pending: Map<string, readonly [CacheKey, Key]>, outcomes: Map<string, Outcome<Failure>>) =>
      Effect.gen(function* () {
        let pause = firstPauseMillis
        let since = yield* MonotonicClock.millis
        while (true) {
          const preparations = yield* warming.reader.planWarming(
            Array.from(pending.values(), ([key]) => key),
            Array.from(pending.values(), ([key, id]) => warming.sourceOf(key, id))
          )
          const answers = yield* Effect.forEach(preparations, outcomeOf, { concurrency })
          let away: string | undefined
          for (const [text, outcome] of Iterable.zip(Array.from(pending.keys()), answers)) {
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
          // switched off or closed: it does not come back
          if (left <= 0 || away === "Disabled") return Option.some(away)
          yield* Effect.sleep(Math.min(pause, Math.ceil(left)))
          pause *= 2
        }
      })

    const step = (before: WarmSummary, ids: ReadonlyArray<Key>) =>
      Effect.gen(function* () {
        const keyed = ids.map((id) => ({ id, key: warming.keyOf(id) }))
        const outcomes = new Map<string, Outcome<Failure>>()
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
            onLeft: (error): Outcome<Failure> => ({ _tag: "Failed", error: warming.failureOf(error) }),
            onRight: ({ text }) => outcomes.get(text) ?? alreadyThere
          })
          if (outcome._tag === "Failed") failures.push({ key: id, error: outcome.error })
          if (outcome._tag === "Loaded") after.loaded++
          // of an id that comes twice, the second time
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
  }
}

/**
 * A stream of progress, run to its end.
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
