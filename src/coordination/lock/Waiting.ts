/**
 * Waiting for what others hold. Of all who wait for a key in one process the first asks Redis, and the others stand behind
 * it, newcomers too: however many wait, Redis is asked by one per process. It asks when a release is heard of, when the
 * holder's time ends, and besides at growing, jittered pauses, since messages get lost.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type * as SharedFibers from "../../internal/SharedFibers.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { isNotSent, isOutcomeUnknown, type RedisError } from "../../redis/RedisError.js"
import { LockNotAcquired } from "./LockError.js"

/**
 * What somebody waits for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request<out Granted> {
  /** the key as the caller named it */
  readonly key: string
  /** the channel that tells of releases */
  readonly channel: string
  /** how long to wait, in milliseconds; 0 asks once */
  readonly maxWaitMillis: number
  /** Right when it is granted, else the milliseconds until a holder's time ends, negative when that is not known. */
  readonly ask: Effect.Effect<Either.Either<Granted, number>, RedisError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Waiting {
  /**
   * Asks until it is granted or the time is over, and a last time then. Fails with `LockNotAcquired` when it was refused
   * until then, and with an error of Redis at once; but once a reply was lost, what was asked for may be one's own, and is
   * asked for, out of turn, until Redis answers or the time is over. Who is refused then stands behind the others.
   */
  readonly acquire: <Granted>(wanted: Request<Granted>) => Effect.Effect<Granted, LockNotAcquired | RedisError>
}

interface Waiter {
  /** opens when it is the first of those who wait */
  readonly isFirst: Effect.Latch
}

interface Queue {
  /** in the order in which they came */
  readonly waiters: Set<Waiter>
  /** opens when a release was heard of, or may have been missed */
  readonly released: Effect.Latch
  listening: Fiber.Fiber<void>
}

const firstPauseMillis = 10
const longestPauseMillis = 200

const sleepMillis = (millis: number): Effect.Effect<void> => Effect.sleep(Math.ceil(Math.max(millis, 1)))

/** Whichever comes first, also for a caller that cannot be interrupted. */
const either = (self: Effect.Effect<void>, that: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.raceFirst(Effect.interruptible(self), Effect.interruptible(that))

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (redis: RedisClient.Service, fork: SharedFibers.Fork): Waiting => {
  const queues = new Map<string, Queue>()
  // a refused SUBSCRIBE costs every subscription of the client its connection: it is tried once
  let mayListen = true

  const listen = (channel: string, released: Effect.Latch): Effect.Effect<void> =>
    Stream.runForEach(redis.subscribe(channel), () => released.open).pipe(
      Effect.catchTag("RedisAuthError", (error) => {
        mayListen = false
        return Effect.logWarning(`releases of locks are not heard of, only asked for: ${error.message}`)
      }),
      Effect.ignore
    )

  const join = (channel: string): Effect.Effect<readonly [Queue, Waiter]> =>
    Effect.sync(() => {
      const known = queues.get(channel)
      const queue: Queue = known ?? {
        waiters: new Set(),
        released: Effect.unsafeMakeLatch(false),
        listening: Fiber.void
      }
      const waiter = { isFirst: Effect.unsafeMakeLatch(queue.waiters.size === 0) }
      queue.waiters.add(waiter)
      if (known === undefined) {
        queues.set(channel, queue)
        // it outlives the first waiting caller, and works for those that follow
        queue.listening = fork(mayListen ? listen(channel, queue.released) : Effect.void)
      }
      return [queue, waiter] as const
    })

  const stepAside = (queue: Queue, waiter: Waiter): Effect.Effect<void> =>
    Effect.suspend(() => {
      queue.waiters.delete(waiter)
      return firstOf(queue)?.isFirst.open ?? Effect.void
    })

  const leave = (channel: string, queue: Queue, waiter: Waiter): Effect.Effect<void> =>
    Effect.zipRight(
      stepAside(queue, waiter),
      Effect.suspend(() => {
        if (queue.waiters.size > 0 || queues.get(channel) !== queue) return Effect.void
        queues.delete(channel)
        return Fiber.interruptFork(queue.listening)
      })
    )

  return {
    acquire: Effect.fnUntraced(function* <Granted>(wanted: Request<Granted>) {
      const deadline = (yield* MonotonicClock.millis) + wanted.maxWaitMillis
      let replyLost = false
      let isOutOfTurn = false
      let lastFailure: RedisError | undefined
      let heldForMillis = -1

      const granted = Effect.matchEffect(wanted.ask, {
        onSuccess: (answer) => {
          if (answer._tag === "Right") return Effect.succeedSome(answer.right)
          lastFailure = undefined
          // a later answer to the same token: what was asked for before is not one's own
          isOutOfTurn = false
          heldForMillis = answer.left
          return Effect.succeedNone
        },
        onFailure: (error) => {
          replyLost ||= isOutcomeUnknown(error)
          if (!isOutcomeUnknown(error) && !(replyLost && isNotSent(error))) return Effect.fail(error)
          lastFailure = error
          isOutOfTurn = true
          heldForMillis = -1
          return Effect.succeedNone
        }
      })

      const refused = Effect.suspend(() => Effect.fail(lastFailure ?? new LockNotAcquired({ key: wanted.key })))

      /** None when it has lost its place, and has no reason any more to ask out of turn. */
      const waiting = ([queue, self]: readonly [Queue, Waiter]) =>
        Effect.gen(function* () {
          if (!isOutOfTurn) yield* either(self.isFirst.await, sleepMillis(deadline - (yield* MonotonicClock.millis)))
          let pauseMillis = firstPauseMillis
          while (true) {
            // before asking, so that a release between the refusal and the pause is not missed
            if (firstOf(queue) === self) yield* queue.released.close
            const hadPlace = !isOutOfTurn
            const answer = yield* granted
            if (answer._tag === "Some") return answer
            const leftMillis = deadline - (yield* MonotonicClock.millis)
            if (leftMillis <= 0) return yield* refused
            if (!hadPlace && !isOutOfTurn) return Option.none<Granted>()
            const jittered = pauseMillis * (yield* Random.nextRange(0.5, 1))
            pauseMillis = Math.min(pauseMillis * 2, longestPauseMillis)
            const endsMillis = heldForMillis < 0 ? Number.POSITIVE_INFINITY : heldForMillis + 1
            const pause = sleepMillis(Math.min(jittered, leftMillis, endsMillis))
            // those behind would wait for what may be one's own, or would not hear that Redis is away
            if (isOutOfTurn) yield* stepAside(queue, self)
            yield* isOutOfTurn ? pause : either(queue.released.await, pause)
          }
        })

      const standsBehindOthers = wanted.maxWaitMillis > 0 && queues.has(wanted.channel) && (yield* redis.isAvailable)
      if (!standsBehindOthers) {
        const first = yield* granted
        if (first._tag === "Some") return first.value
        if (wanted.maxWaitMillis <= 0) return yield* refused
      }
      while (true) {
        const answer = yield* Effect.acquireUseRelease(join(wanted.channel), waiting, ([queue, self]) =>
          leave(wanted.channel, queue, self)
        )
        if (answer._tag === "Some") return answer.value
      }
    })
  }
}

const firstOf = (queue: Queue): Waiter | undefined => queue.waiters.values().next().value
