/**
 * Writes values and invalidations. A write that Redis has not acknowledged becomes an invalidation in the outbox (rules 6
 * to 9 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Eager from "../../internal/effect/Eager.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { isOutcomeUnknown, type RedisError } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import type { Content } from "../entry/CacheEntry.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import * as EntryCodec from "../entry/EntryCodec.js"
import type { BusMessages } from "../invalidation/Bus.js"
import type { CacheServers } from "../invalidation/CacheServers.js"
import type { CreationTime } from "../invalidation/CreationTime.js"
import type { LocalInvalidation } from "../invalidation/LocalInvalidation.js"
import type { EntryMarkers, MarkerMoves } from "../invalidation/Markers.js"
import type { OutboxItem } from "../invalidation/outage/Outbox.js"
import { readFailureOf } from "../invalidation/outage/ReadFailure.js"
import type { ReadGuard } from "../invalidation/ReadGuard.js"
import type { WriteRecord } from "../invalidation/WriteRecord.js"
import type { LeaseRenewal } from "../load/LeaseRenewal.js"
import * as LoadGraph from "../lookup/LoadGraph.js"
import type { NewEntry } from "../lookup/Source.js"
import type { CacheObserver } from "../observe/CacheObserver.js"
import type { Target } from "../scripts/CacheScript.js"
import * as WriteScripts from "../scripts/WriteScripts.js"
import type { LocalTier } from "../tiers/LocalTier.js"
import * as TransferTime from "../tiers/TransferTime.js"
import { LocalWrite } from "./LocalWrite.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface WriterOptions<A> {
  /** the cache of the loads */
  readonly owner: LoadGraph.Load["owner"]
  readonly redis: RedisClient.Service
  readonly clock: Clock.Clock
  readonly writes: WriteRecord
  readonly invalidation: Pick<LocalInvalidation, "epochOf">
  readonly local: Pick<LocalTier<A>, "isEnabled" | "keep" | "remember" | "start">
  readonly guard: Pick<ReadGuard, "isUsable">
  /** the server's time by this process's estimate, in milliseconds */
  readonly serverTime: () => number
  readonly markers: Pick<EntryMarkers, "floor" | "withMarkersKept"> & MarkerMoves
  readonly servers: Pick<CacheServers, "clockOffsetOf">
  /** present where the markers lie on another server than the entries */
  readonly creation: CreationTime | undefined
  readonly bus: Pick<BusMessages, "invalidateMessage">
  readonly codec: EntryCodec.EntryCodec<A>
  readonly observer: Pick<CacheObserver, "invalidated" | "isRecovering" | "notStored" | "redisAnswered" | "redisFailed">
  readonly target: (key: string) => Target
  /** for how long an entry is kept, fresh and stale, in whole milliseconds */
  readonly keepMillis: (entry: NewEntry<A>) => number
  readonly renewal: LeaseRenewal
  /** for how long an update's token outlives its process, in milliseconds */
  readonly leaseMillis: number
  /** A set that reaches the server later than this does nothing. The transfer of its value is not counted. */
  readonly setDeadlineMillis: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Writer<A> {
  /** Whether Redis has acknowledged the invalidation. If not, it is in the outbox. */
  readonly invalidate: (key: string) => Effect.Effect<boolean>
  readonly invalidateTag: (tag: string) => Effect.Effect<boolean>
  readonly clear: Effect.Effect<boolean>
  /** Whether the value is stored. If not, the key is invalidated. Begins at once: run the effect once. */
  readonly set: (key: CacheKey, entry: NewEntry<A>) => Effect.Effect<boolean>
  readonly update: <B extends A, E, R>(key: CacheKey, write: Effect.Effect<NewEntry<B>, E, R>) => Effect.Effect<B, E, R>
}

/** Sets that are called within such a time have one deadline. */
const sharedMillis = 10

/** Whether a command that failed so may still reach the server. */
const mayArrive = (cause: Cause.Cause<RedisError>): boolean =>
  Cause.isInterrupted(cause) || Option.exists(Cause.failureOption(cause), isOutcomeUnknown)

/** How a write is recorded. */
interface Recording<Reply> {
  /** by default any reply acknowledges the write */
  readonly isAcknowledgement?: (reply: Reply) => boolean
  /** a write that may still arrive returns only when this has ended */
  readonly untilTooLate?: Effect.Effect<void>
  /** whether local values are dropped before the write too: true by default, and false where a read between may have them */
  readonly dropsBefore?: boolean
  /** Called when the write begins, from where on its end cannot be missed. */
  readonly start?: (() => OnEnd<Reply> | undefined) | undefined
}

/** Ends a write by calling `move`, and keeps its value in the same step. The reply is undefined where there is none. */
type OnEnd<Reply> = (move: () => void, reply: Reply | undefined) => void

/** Any reply acknowledges the write. */
const isAlways = () => true

/** The reply of `set`: 1 where it has stored. */
const isStored = ({ value }: RedisExecutor.WithGeneration<number>) => value === 1

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: WriterOptions<A>): Writer<A> => {
  const { bus, clock, codec, creation, guard, local, markers, observer, redis, renewal, servers, writes } = options
  const localContext = { tier: local, epochOf: options.invalidation.epochOf, guard, sets: new Map() }
  const startLocalWrite = (key: CacheKey, isSet: boolean) =>
    local.isEnabled ? new LocalWrite<A>(localContext, key, isSet) : undefined
  const transfer = TransferTime.of(redis)
  const executor = RedisExecutor.of(redis)

  /**
   * Records a write from before it is sent until after its end, an interruption included. Answers whether Redis has
   * acknowledged it.
   */
  const recorded = <Reply>(
    item: OutboxItem,
    write: Effect.Effect<Reply, RedisError>,
    { dropsBefore = true, isAcknowledgement = isAlways, start, untilTooLate = Effect.void }: Recording<Reply> = {}
  ): Effect.Effect<boolean> =>
    Effect.uninterruptibleMask((restore) => {
      const onEnd = start?.()
      const end = (isAcknowledged: boolean, reply: Reply | undefined) => {
        if (onEnd === undefined) writes.end(item, isAcknowledged)
        else onEnd(() => writes.end(item, isAcknowledged), reply)
      }
      if (dropsBefore) writes.begin(item)
      // one step of the runtime for all outcomes: a write passes here as often as it is called
      return Effect.matchCauseEffect(restore(write), {
        onSuccess: (reply): Effect.Effect<boolean> => {
          const isAcknowledged = isAcknowledgement(reply)
          end(isAcknowledged, reply)
          return observer.isRecovering()
            ? Effect.as(observer.redisAnswered, isAcknowledged)
            : Exit.succeed(isAcknowledged)
        },
        onFailure: (cause) => {
          const failed = Effect.suspend((): Effect.Effect<boolean> => {
            end(false, undefined)
            const failure = Cause.failureOrCause(cause)
            return Either.isLeft(failure)
              ? Effect.as(observer.redisFailed(readFailureOf(failure.left)), false)
              : Exit.failCause(failure.right)
          })
          return mayArrive(cause) ? Effect.zipRight(untilTooLate, failed) : failed
        }
      })
    })

  const invalidateItem = (
    item: OutboxItem,
    write: Effect.Effect<unknown, RedisError>,
    recording?: Recording<unknown>
  ) =>
    recorded(
      item,
      Effect.suspend(() => {
        observer.invalidated(item, "Self")
        return write
      }),
      recording
    )

  const invalidate = (key: string, recording?: Recording<unknown>) =>
    invalidateItem(
      { _tag: "Key", key },
      redis.run(WriteScripts.invalidate)({ ...options.target(key), message: bus.invalidateMessage(key) }),
      recording
    )
  const invalidateTag = (tag: string) => {
    const item = { _tag: "Tag", tag } as const
    return invalidateItem(item, markers.move(item))
  }
  const clear = invalidateItem({ _tag: "Clear" }, markers.move({ _tag: "Clear" }))

  /**
   * A set of unknown fate may arrive until its deadline. Its caller starts the next write when it returns, and so waits
   * until then. It waits longer by the margin that the server's clock may differ from its estimate.
   */
  const untilTooLate = (deadline: number): Effect.Effect<void> =>
    Effect.suspend(() =>
      Effect.sleep(Math.max(0, deadline + options.setDeadlineMillis - MonotonicClock.unsafeMillis(clock)))
    )

  /**
   * Keeps the entry of a write in the local tier. The reply to `set` or `finish` says whether Redis has stored it; a rejected
   * update was overtaken by another write.
   */
  const keeper = (
    localWrite: LocalWrite<A> | undefined,
    entry: CacheEntry.CacheEntry<A>,
    { text }: Content,
    isOvertakenWhenRejected: boolean
  ): OnEnd<RedisExecutor.WithGeneration<number>> | undefined =>
    localWrite === undefined
      ? undefined
      : (move, reply) => {
          const hasStored = reply !== undefined && isStored(reply)
          if (localWrite.end(move, hasStored ? reply.generation : undefined)) localWrite.keep(entry, text)
          else if (reply === undefined || !(hasStored || isOvertakenWhenRejected)) localWrite.remember(entry, text)
        }

  /** `created` is undefined where the script knows the time. */
  const store = (
    cacheKey: CacheKey,
    entry: NewEntry<A>,
    content: Content,
    created: number | undefined
  ): Effect.Effect<boolean> => {
    const key = cacheKey.text
    const keepMillis = options.keepMillis(entry)
    const body = CacheEntry.body(entry, content)
    const { channel, lease } = options.target(key)
    const deadline = MonotonicClock.unsafeMillis(clock) + options.setDeadlineMillis + transfer.millisFor(body)
    const stored = markers.withMarkersKept<RedisExecutor.WithGeneration<number>>(entry.tags, keepMillis, (onReply) =>
      RedisExecutor.unsafeRun(
        executor,
        WriteScripts.set,
        {
          key,
          lease,
          channel,
          body,
          keepMillis,
          floor: markers.floor(),
          created,
          // by the clock of the server that it is sent to, and a little earlier: the sets of one turn then share an argument
          get deadline() {
            return Math.floor((deadline + servers.clockOffsetOf(key)) / sharedMillis) * sharedMillis
          },
          message: bus.invalidateMessage(key)
        },
        transfer.carrying(body, onReply)
      )
    )
    return recorded({ _tag: "Key", key }, stored, {
      isAcknowledgement: isStored,
      untilTooLate: untilTooLate(deadline),
      dropsBefore: false,
      start: () =>
        keeper(
          startLocalWrite(cacheKey, true),
          { ...entry, createdAt: created ?? options.serverTime() },
          content,
          false
        )
    })
  }

  const storeWithTime = (key: CacheKey, entry: NewEntry<A>, content: Content): Effect.Effect<boolean> =>
    creation === undefined
      ? store(key, entry, content, undefined)
      : Effect.matchEffect(creation.ofWrite, {
          onFailure: (error) =>
            Effect.zipRight(observer.redisFailed(readFailureOf(error)), Effect.as(invalidate(key.text), false)),
          onSuccess: (created) => store(key, entry, content, created)
        })

  const set: Writer<A>["set"] = (key, entry) =>
    Eager.flatMap(EntryCodec.storable(codec, observer.notStored, key.text, entry), (content) =>
      content === undefined ? Effect.as(invalidate(key.text), false) : storeWithTime(key, entry, content)
    )

  const update: Writer<A>["update"] = (cacheKey, write) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const key = cacheKey.text
        const token = crypto.randomUUID()
        const target = options.target(key)
        const { leaseMillis } = options
        const item = { _tag: "Key", key } as const
        writes.begin(item)
        const localWrite = startLocalWrite(cacheKey, false)
        const begin = redis.run(WriteScripts.begin)({ ...target, token, leaseMillis, floor: markers.floor() })
        const begun = yield* Effect.either(creation === undefined ? begin : Effect.zipLeft(creation.ofWrite, begin))
        if (Either.isLeft(begun)) yield* observer.redisFailed(readFailureOf(begun.left))

        // reads of this key within `write` do not wait for the update's own token
        const load = new LoadGraph.Load(options.owner, key, false)
        load.hasLease = Either.isRight(begun)
        const writing = LoadGraph.within(load)(restore(write))
        const endRenewal = Either.isLeft(begun) ? () => {} : renewal.start(target, token)
        const exit = yield* Effect.exit(writing)
        endRenewal()
        if (Exit.isFailure(exit)) {
          // the write may have committed all the same: values that are loaded from now on must be newer
          yield* invalidate(key)
          return yield* Effect.failCause(exit.cause)
        }
        const entry = exit.value
        const content = yield* EntryCodec.storable(codec, observer.notStored, key, entry)
        if (content === undefined) {
          yield* invalidate(key)
          return entry.value
        }
        if (Either.isLeft(begun)) {
          const remembered = { ...entry, createdAt: options.serverTime() }
          const onEnd: OnEnd<unknown> | undefined =
            localWrite &&
            ((move, reply) => {
              localWrite.end(move, undefined)
              if (reply === undefined) localWrite.remember(remembered, content.text)
            })
          yield* invalidate(key, { dropsBefore: false, start: () => onEnd })
          return entry.value
        }
        const keepMillis = options.keepMillis(entry)
        const body = CacheEntry.body(entry, content)
        const finished = markers.withMarkersKept<RedisExecutor.WithGeneration<number>>(
          entry.tags,
          keepMillis,
          (onReply) =>
            RedisExecutor.unsafeRun(
              executor,
              WriteScripts.finish,
              { ...target, token, created: begun.right, body, keepMillis, message: bus.invalidateMessage(key) },
              transfer.carrying(body, onReply)
            )
        )
        const extended = renewal.extendFor(target, token, transfer.millisFor(body))
        const onEnd = keeper(localWrite, { ...entry, createdAt: begun.right }, content, true)
        yield* recorded(item, Effect.zipRight(extended, finished), { dropsBefore: false, start: () => onEnd })
        return entry.value
      })
    )

  return { invalidate: (key) => invalidate(key), invalidateTag, clear, set, update }
}
