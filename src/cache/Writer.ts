/**
 * Writing: what Redis has not surely taken is an invalidation that is kept until it has (rules 6 to 9 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { RedisClient } from "../redis/RedisClient.js"
import { isOutcomeUnknown, type RedisError } from "../redis/RedisError.js"
import type { CacheCodec } from "./CacheCodec.js"
import * as CacheEntry from "./CacheEntry.js"
import type { Counters } from "./CacheStats.js"
import type { FailureLog } from "./FailureLog.js"
import type { Invalidation } from "./Invalidation.js"
import type { OutboxItem } from "./Outbox.js"
import * as LeaseScripts from "./scripts/LeaseScripts.js"
import * as MarkerScripts from "./scripts/MarkerScripts.js"
import type { Target } from "./scripts/shared.js"
import * as WriteScripts from "./scripts/WriteScripts.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface WriterOptions<A> {
  readonly redis: RedisClient.Service
  readonly invalidation: Invalidation
  readonly codec: CacheCodec<A>
  readonly counters: Counters
  readonly failureLog: FailureLog
  readonly target: (key: string) => Target
  readonly staleMillis: number
  /** for how long the token of an update outlives its process */
  readonly leaseMillis: number
  /** a set that reaches the server later than this does nothing */
  readonly setDeadlineMillis: number
  readonly markerMillis: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Writer<A> {
  /** Whether Redis has acknowledged it; where not, it is kept. */
  readonly invalidate: (key: string) => Effect.Effect<boolean>
  readonly clear: Effect.Effect<boolean>
  /** Whether the value is stored; where not, the key is invalidated. `timeToLive` in milliseconds. */
  readonly set: (key: string, value: A, timeToLive: number) => Effect.Effect<boolean>
  readonly update: <E, R>(
    key: string,
    write: Effect.Effect<A, E, R>,
    timeToLive: (value: A) => Effect.Effect<number>
  ) => Effect.Effect<A, E, R>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: WriterOptions<A>): Writer<A> => {
  const { codec, counters, invalidation, redis } = options

  /**
   * A write from before it is sent to after its end: the epochs move on both sides, and whatever is not acknowledged,
   * an interruption included, is remembered in the same step.
   */
  const acknowledged = (item: OutboxItem, write: Effect.Effect<boolean, RedisError>): Effect.Effect<boolean> => {
    const move = () => (item._tag === "Key" ? invalidation.move(item.key) : invalidation.moveAll())
    return Effect.suspend(() => {
      move()
      return write
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (!Exit.isSuccess(exit) || !exit.value) invalidation.remember(item)
          move()
        })
      ),
      Effect.tap(options.failureLog.succeeded),
      Effect.catchAll((error) => {
        counters.redisFailures++
        return Effect.as(options.failureLog.failed(error), false)
      })
    )
  }

  const invalidate = (key: string) => {
    const message = invalidation.bus.invalidateMessage(key)
    return acknowledged(
      { _tag: "Key", key },
      Effect.suspend(() => {
        counters.invalidations++
        return Effect.as(redis.run(WriteScripts.invalidate)({ ...options.target(key), message }), true)
      })
    )
  }

  const clear = acknowledged(
    { _tag: "Clear" },
    Effect.suspend(() => {
      counters.invalidations++
      return Effect.map(
        redis.run(MarkerScripts.moveMarker)({
          marker: invalidation.clearMarker,
          keepMillis: options.markerMillis,
          channel: invalidation.bus.channel,
          message: invalidation.bus.clearMessage
        }),
        (marker) => {
          // what this process stores in the same millisecond is then younger than it
          invalidation.noteMarker(marker)
          return true
        }
      )
    })
  )

  /** The text of a value that may be stored; none, and a word in the log, when it may not. */
  const textOf = (key: string, value: A) =>
    Effect.flatMap(Effect.either(codec.encode(value)), (text) =>
      Either.isRight(text)
        ? Effect.succeed(text.right)
        : Effect.as(Effect.logWarning(`not cached as ${key}: ${text.left.message}`), undefined)
    )

  /**
   * A set of unknown fate may be on its way until its deadline. Its caller, who then lets the next write begin, is kept as
   * long, and once more for what the server's clock may differ from its estimate.
   */
  const untilTooLate = (began: number) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.sleep(Math.max(0, began + 2 * options.setDeadlineMillis - now))
    )

  const set = (key: string, value: A, timeToLive: number) =>
    Effect.flatMap(textOf(key, value), (text) =>
      text === undefined || timeToLive < 1
        ? Effect.as(invalidate(key), false)
        : acknowledged(
            { _tag: "Key", key },
            Effect.gen(function* () {
              const keepMillis = Math.ceil(timeToLive + options.staleMillis)
              const began = yield* Clock.currentTimeMillis
              const now = yield* redis.serverTime
              const { written } = yield* invalidation.withMarker(
                keepMillis,
                redis
                  .run(WriteScripts.set)({
                    ...options.target(key),
                    body: CacheEntry.body(Math.ceil(timeToLive), text),
                    keepMillis,
                    floor: invalidation.floor(),
                    deadline: Math.floor(now + options.setDeadlineMillis),
                    message: invalidation.bus.invalidateMessage(key)
                  })
                  .pipe(
                    Effect.tapError((error) => (isOutcomeUnknown(error) ? untilTooLate(began) : Effect.void)),
                    Effect.onInterrupt(() => untilTooLate(began))
                  )
              )
              return written === 1
            })
          )
    )

  const update = <E, R>(
    key: string,
    write: Effect.Effect<A, E, R>,
    timeToLive: (value: A) => Effect.Effect<number>
  ): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const token = crypto.randomUUID()
        const target = options.target(key)
        const message = invalidation.bus.invalidateMessage(key)
        invalidation.move(key)
        const begun = yield* Effect.either(
          redis.run(WriteScripts.begin)({
            ...target,
            token,
            leaseMillis: options.leaseMillis,
            floor: invalidation.floor()
          })
        )
        if (Either.isLeft(begun)) yield* options.failureLog.failed(begun.left)

        const holdToken = redis
          .run(LeaseScripts.renew)({ ...target, token, leaseMillis: options.leaseMillis })
          .pipe(Effect.delay(options.leaseMillis / 3), Effect.ignore, Effect.forever, Effect.interruptible)
        const holder = Either.isLeft(begun) ? undefined : yield* Effect.forkDaemon(holdToken)
        const written = yield* Effect.exit(restore(write))
        if (holder !== undefined) yield* Fiber.interruptFork(holder)
        if (Exit.isFailure(written)) {
          // it may have committed all the same: what is loaded from now on must not be older than this moment
          yield* invalidate(key)
          return yield* written
        }
        const text = yield* textOf(key, written.value)
        const fresh = Math.ceil(yield* timeToLive(written.value))
        if (Either.isLeft(begun) || text === undefined || fresh < 1) {
          yield* invalidate(key)
          return written.value
        }
        yield* acknowledged(
          { _tag: "Key", key },
          Effect.suspend(() => {
            const keepMillis = Math.ceil(fresh + options.staleMillis)
            return invalidation.withMarker(
              keepMillis,
              redis.run(WriteScripts.finish)({
                ...target,
                token,
                created: begun.right,
                body: CacheEntry.body(fresh, text),
                keepMillis,
                message
              })
            )
          }).pipe(Effect.as(true))
        )
        return written.value
      })
    )

  return { invalidate, clear, set, update }
}
