/**
 * Waits for a lock or permit that is held. The waiting callers of one process form a queue for each key.
 *
 * Only the first of the queue asks Redis, so many waiting callers cost as much as one. It asks after a release, after the
 * holder's time has ended, and at growing, jittered pauses, since messages can be lost.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type * as SharedFibers from "../../internal/effect/SharedFibers.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { isNotSent, isOutcomeUnknown, type RedisError } from "../../redis/RedisError.js"
import { LockNotAcquired } from "./LockError.js"

/**
 * A request for a lock or permit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  /** the key as the caller named it */
  readonly name: string
  /** the key in Redis, at which callers of one process queue */
  readonly key: string
  /** the channel that announces releases */
  readonly channel: string
  /** 0 tries once */
  readonly maxWaitMillis: number
  readonly tryOnce: Effect.Effect<Answer, RedisError>
  /** Like `tryOnce`, and makes sure that the next release is announced. */
  readonly tryAsWaiting: Effect.Effect<Answer, RedisError>
}

/**
 * 1 and a value when it is granted: a fencing token, or 0. Else 0 and the milliseconds until a holder's time ends, negative when
 * that is unknown.
 *
 * @since 0.2.0
 * @category models
 */
export type Answer = readonly [granted: 0 | 1, value: number]

/**
 * The queues of one client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Waiting {
  /**
   * Tries until the request is granted or `maxWait` has passed, and once more then. Returns the value of the grant. Fails with
   * `LockNotAcquired` when it was not granted, and at once with an error of Redis.
   *
   * After a lost reply the caller may own the lock already. It then retries out of turn until Redis replies or `maxWait` has
   * passed. If it is not granted, it returns to the end of the queue.
   */
  readonly acquire: (request: Request) => Effect.Effect<number, LockNotAcquired | RedisError>
}

interface Waiter {
  /** opens when this caller is the first of the queue */
  readonly isFirst: Effect.Latch
}

interface Queue {
  /** in order of arrival */
  readonly waiters: Set<Waiter>
  /** opens after a release, or after one may have been missed */
  readonly released: Effect.Latch
  listening: Fiber.Fiber<void>
}

const firstPauseMillis = 10
const longestPauseMillis = 200

const sleepMillis = (millis: number): Effect.Effect<void> => Effect.sleep(Math.ceil(Math.max(millis, 1)))

/** Waits for the earlier of two effects, also in an uninterruptible caller. */
const either = (self: Effect.Effect<void>, that: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.raceFirst(Effect.interruptible(self), Effect.interruptible(that))

/**
 * Makes the queues of a client.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (redis: RedisClient.Service, fork: SharedFibers.Fork): Waiting => {
  const queues = new Map<string, Queue>()
  // a rejected SUBSCRIBE closes the connection of every subscription of the client, so it is tried once
  let mayListen = true

  const listen = (channel: string, released: Effect.Latch): Effect.Effect<void> =>
    Stream.runForEach(redis.subscribe(channel), () => released.open).pipe(
      Effect.catchTag("RedisAuthError", (error) => {
        mayListen = false
        return Effect.logWarning(
          `waiting for locks by polling alone: grant the right to SUBSCRIBE to their channels (${error.message})`
        )
      }),
      Effect.ignore
    )

  const join = ({ channel, key }: Request): Effect.Effect<readonly [Queue, Waiter]> =>
    Effect.sync(() => {
      const known = queues.get(key)
      const queue: Queue = known ?? {
        waiters: new Set(),
        released: Effect.unsafeMakeLatch(false),
        listening: Fiber.void
      }
      const waiter = { isFirst: Effect.unsafeMakeLatch(queue.waiters.size === 0) }
      queue.waiters.add(waiter)
      if (known === undefined) {
        queues.set(key, queue)
        // the fiber outlives the first waiting caller and serves the next ones
        queue.listening = fork(mayListen ? listen(channel, queue.released) : Effect.void)
      }
      return [queue, waiter] as const
    })

  const stepAside = (queue: Queue, waiter: Waiter): Effect.Effect<void> =>
    Effect.suspend(() => {
      queue.waiters.delete(waiter)
      return firstOf(queue)?.isFirst.open ?? Effect.void
    })

  const leave = (key: string, queue: Queue, waiter: Waiter): Effect.Effect<void> =>
    Effect.zipRight(
      stepAside(queue, waiter),
      Effect.suspend(() => {
        if (queue.waiters.size > 0 || queues.get(key) !== queue) return Effect.void
        queues.delete(key)
        return Fiber.interruptFork(queue.listening)
      })
    )

  /** Waits in the queue. `first` is the outcome of a try before it; undefined for a caller that has not tried. */
  const queueFor = Effect.fnUntraced(function* (
    request: Request,
    deadline: number,
    first: Exit.Exit<Answer, RedisError> | undefined
  ) {
    let replyLost = false
    let isOutOfTurn = false
    let lastFailure: RedisError | undefined
    let heldForMillis = -1

    const granted = (request: Effect.Effect<Answer, RedisError>) =>
      Effect.matchEffect(request, {
        onSuccess: ([granted, value]) => {
          if (granted === 1) return Effect.succeedSome(value)
          lastFailure = undefined
          // a later reply to the same token: the caller does not own the lock
          isOutOfTurn = false
          heldForMillis = value
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

    const notAcquired = Effect.suspend(() => Effect.fail(lastFailure ?? new LockNotAcquired({ key: request.name })))

    /** None when the caller has lost its place, and no longer tries out of turn. */
    const waiting = ([queue, self]: readonly [Queue, Waiter]) =>
      Effect.gen(function* () {
        if (!isOutOfTurn) yield* either(self.isFirst.await, sleepMillis(deadline - (yield* MonotonicClock.millis)))
        let pauseMillis = firstPauseMillis
        while (true) {
          // before the try, so that a release between its reply and the pause is not missed
          if (firstOf(queue) === self) yield* queue.released.close
          const hadPlace = !isOutOfTurn
          const answer = yield* granted(request.tryAsWaiting)
          if (answer._tag === "Some") return answer
          const leftMillis = deadline - (yield* MonotonicClock.millis)
          if (leftMillis <= 0) return yield* notAcquired
          if (!hadPlace && !isOutOfTurn) return Option.none<number>()
          const jittered = pauseMillis * (yield* Random.nextRange(0.5, 1))
          pauseMillis = Math.min(pauseMillis * 2, longestPauseMillis)
          const endsMillis = heldForMillis < 0 ? Number.POSITIVE_INFINITY : heldForMillis + 1
          const pause = sleepMillis(Math.min(jittered, leftMillis, endsMillis))
          // callers behind it must not wait for a lock that it may own, and must see that Redis is unavailable
          if (isOutOfTurn) yield* stepAside(queue, self)
          yield* isOutOfTurn ? pause : either(queue.released.await, pause)
        }
      })

    if (first !== undefined) {
      yield* granted(first)
      if (request.maxWaitMillis <= 0) return yield* notAcquired
    }
    while (true) {
      const answer = yield* Effect.acquireUseRelease(join(request), waiting, ([queue, self]) =>
        leave(request.key, queue, self)
      )
      if (answer._tag === "Some") return answer.value
    }
  })

  // without a generator, which would cost as much as the rest of an uncontended acquisition
  const tryFirst = (request: Request, deadline: number): Effect.Effect<number, LockNotAcquired | RedisError> =>
    Effect.matchEffect(request.tryOnce, {
      onSuccess: (answer) => {
        if (answer[0] === 1) return Exit.succeed(answer[1])
        return queueFor(request, deadline, Exit.succeed(answer))
      },
      onFailure: (error) => queueFor(request, deadline, Exit.fail(error))
    })

  return {
    acquire: (request) =>
      Effect.flatMap(MonotonicClock.millis, (now) => {
        const deadline = now + request.maxWaitMillis
        if (request.maxWaitMillis <= 0 || !queues.has(request.key)) return tryFirst(request, deadline)
        return Effect.flatMap(redis.isAvailable, (isAvailable) =>
          isAvailable ? queueFor(request, deadline, undefined) : tryFirst(request, deadline)
        )
      })
  }
}

const firstOf = (queue: Queue): Waiter | undefined => queue.waiters.values().next().value
