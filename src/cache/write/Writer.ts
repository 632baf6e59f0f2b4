/**
 * Writing: what Redis has not surely taken is an invalidation that is kept until it has (rules 6 to 9 of
 * docs/protocol.md).
 *
 * @since 0.1.0
 */

import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient, WithGeneration } from "../../redis/RedisClient.js"
import { isOutcomeUnknown, type RedisError } from "../../redis/RedisError.js"
import type { Content } from "../entry/CacheEntry.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import * as EntryCodec from "../entry/EntryCodec.js"
import { type Invalidation, readFailureOf } from "../invalidation/Invalidation.js"
import type { OutboxItem } from "../invalidation/Outbox.js"
import type { LeaseRenewal } from "../load/LeaseRenewal.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import type { Written } from "../lookup/Source.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import type { Target } from "../scripts/CacheScript.js"
import * as WriteScripts from "../scripts/WriteScripts.js"
import * as TransferTime from "../tiers/TransferTime.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface WriterOptions<A> {
  /** of the loads */
  readonly owner: LoadGraph.Load["owner"]
  readonly redis: RedisClient.Service
  readonly clock: Clock.Clock
  readonly invalidation: Invalidation
  readonly codec: EntryCodec.EntryCodec<A>
  readonly observer: CacheObserver
  readonly target: (key: string) => Target
  /** for how long a value is kept beyond its time to live, in milliseconds */
  readonly staleMillis: (value: A) => number
  readonly keeper: LeaseRenewal
  /** for how long the token of an update outlives its process */
  readonly leaseMillis: number
  /** a set that reaches the server later than this does nothing, beside the time that its value takes on the line */
  readonly setDeadlineMillis: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Writer<A> {
  /** Whether Redis has acknowledged it; where not, it is kept. */
  readonly invalidate: (key: string) => Effect.Effect<boolean>
  readonly invalidateTag: (tag: string) => Effect.Effect<boolean>
  readonly clear: Effect.Effect<boolean>
  /** Whether the value is stored; where not, the key is invalidated. */
  readonly set: (key: string, written: Written<A>) => Effect.Effect<boolean>
  readonly update: <B extends A, E, R>(key: string, write: Effect.Effect<Written<B>, E, R>) => Effect.Effect<B, E, R>
}

/** Whether what ended so may still reach the server. */
const mayArrive = (exit: Exit.Exit<unknown, RedisError>): boolean =>
  Exit.isFailure(exit) &&
  (Cause.isInterrupted(exit.cause) || Option.exists(Cause.failureOption(exit.cause), isOutcomeUnknown))

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: WriterOptions<A>): Writer<A> => {
  const { clock, codec, invalidation, observer, redis } = options
  const line = TransferTime.of(redis)

  /**
   * A write from before it is sent to after its end: the epochs move on both sides, and whatever is not acknowledged,
   * an interruption included, is remembered in the same step. A write that may still arrive keeps its caller until
   * `untilTooLate` has ended.
   */
  const acknowledged = (
    item: OutboxItem,
    write: Effect.Effect<boolean, RedisError>,
    untilTooLate: Effect.Effect<void> = Effect.void
  ): Effect.Effect<boolean> => {
    const concluded = (exit: Exit.Exit<boolean, RedisError>): void => {
      if (!Exit.isSuccess(exit) || !exit.value) invalidation.remember(item)
      invalidation.move(item)
    }
    return Effect.suspend(() => {
      invalidation.move(item)
      return write
    }).pipe(
      Effect.onExit((exit) =>
        mayArrive(exit) ? Effect.map(untilTooLate, () => concluded(exit)) : Effect.sync(() => concluded(exit))
      ),
      Effect.matchEffect({
        onSuccess: (isTaken) =>
          observer.isRecovering() ? Effect.as(observer.redisAnswered, isTaken) : Exit.succeed(isTaken),
        onFailure: (error) => Effect.as(observer.redisFailed(readFailureOf(error)), false)
      })
    )
  }

  const forget = (item: OutboxItem, write: Effect.Effect<unknown, RedisError>) =>
    acknowledged(
      item,
      Effect.suspend(() => {
        observer.invalidated(item, "Self")
        return Effect.as(write, true)
      })
    )

  const invalidate = (key: string) =>
    forget(
      { _tag: "Key", key },
      redis.run(WriteScripts.invalidate)({
        ...options.target(key),
        message: invalidation.bus.invalidateMessage(key)
      })
    )
  const invalidateTag = (tag: string) => {
    const item = { _tag: "Tag", tag } as const
    return forget(item, invalidation.moveMarker(item))
  }
  const clear = forget({ _tag: "Clear" }, invalidation.moveMarker({ _tag: "Clear" }))

  const keepMillisOf = ({ timeToLive, value }: Written<A>) => Math.ceil(timeToLive + options.staleMillis(value))

  /**
   * A set of unknown fate may be on its way until its deadline. Its caller, who then lets the next write begin, is kept as
   * long, and some more for what the server's clock may differ from its estimate.
   */
  const untilTooLate = (deadline: number): Effect.Effect<void> =>
    Effect.suspend(() =>
      Effect.sleep(Math.max(0, deadline + options.setDeadlineMillis - MonotonicClock.unsafeMillis(clock)))
    )

  const store = (key: string, written: Written<A>, content: Content): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const keepMillis = keepMillisOf(written)
      const body = CacheEntry.body(written, content)
      const deadline = MonotonicClock.unsafeMillis(clock) + options.setDeadlineMillis + line.millisFor(body)
      const stored = invalidation.withMarkersKept<WithGeneration<number>>(written.tags, keepMillis, (answered) =>
        redis.unsafeRun(WriteScripts.set)(
          {
            ...options.target(key),
            body,
            keepMillis,
            floor: invalidation.floor(),
            deadline: Math.floor(deadline + redis.clockOffsetMillis()),
            message: invalidation.bus.invalidateMessage(key)
          },
          line.carrying(body, answered)
        )
      )
      return acknowledged(
        { _tag: "Key", key },
        Effect.map(stored, ({ value }) => value === 1),
        untilTooLate(deadline)
      )
    })

  const set: Writer<A>["set"] = (key, written) =>
    Effect.flatMap(EntryCodec.storable(codec, observer, key, written), (content) =>
      content === undefined ? Effect.as(invalidate(key), false) : store(key, written, content)
    )

  const update: Writer<A>["update"] = (key, write) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const token = crypto.randomUUID()
        const target = options.target(key)
        const { leaseMillis } = options
        invalidation.move({ _tag: "Key", key })
        const begun = yield* Effect.either(
          redis.run(WriteScripts.begin)({ ...target, token, leaseMillis, floor: invalidation.floor() })
        )
        if (Either.isLeft(begun)) yield* observer.redisFailed(readFailureOf(begun.left))

        // what it reads of this key does not wait for its token
        const load = new LoadGraph.Load(options.owner, key, false)
        load.hasLease = Either.isRight(begun)
        const writing = LoadGraph.within(load)(restore(write))
        const endRenewal = Either.isLeft(begun) ? () => {} : options.keeper.start(target, token)
        const exit = yield* Effect.exit(writing)
        endRenewal()
        if (Exit.isFailure(exit)) {
          // it may have committed all the same: what is loaded from now on must not be older than this moment
          yield* invalidate(key)
          return yield* Effect.failCause(exit.cause)
        }
        const written = exit.value
        const content = yield* EntryCodec.storable(codec, observer, key, written)
        if (Either.isLeft(begun) || content === undefined) {
          yield* invalidate(key)
          return written.value
        }
        const keepMillis = keepMillisOf(written)
        const body = CacheEntry.body(written, content)
        const finished = invalidation.withMarkersKept<WithGeneration<number>>(written.tags, keepMillis, (answered) =>
          redis.unsafeRun(WriteScripts.finish)(
            {
              ...target,
              token,
              created: begun.right,
              body,
              keepMillis,
              message: invalidation.bus.invalidateMessage(key)
            },
            line.carrying(body, answered)
          )
        )
        const ending = options.keeper.outlasting(target, token, line.millisFor(body), finished)
        yield* acknowledged({ _tag: "Key", key }, Effect.as(ending, true))
        return written.value
      })
    )

  return { invalidate, invalidateTag, clear, set, update }
}
