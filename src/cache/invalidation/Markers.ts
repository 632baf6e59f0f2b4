/**
 * Markers: a time per cache or tag. Entries created at that time or before are invalid. This module moves markers, and
 * keeps them alive longer than the entries that depend on them (rule 12 of docs/protocol.md).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Callback from "../../internal/effect/Callback.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as RedisKey from "../../redis/RedisKey.js"
import * as MarkerScripts from "../scripts/MarkerScripts.js"
import type { BusMessages } from "./Bus.js"
import type { OutboxItem } from "./outage/Outbox.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface MarkersOptions {
  readonly redis: RedisClient.Service
  readonly bus: BusMessages
  /** the name of the cache */
  readonly name: string
  /** whether its entries have tags */
  readonly isTagged: boolean
  /** for how long a marker outlives the entries that depend on it, in milliseconds */
  readonly markerMillis: number
}

/**
 * The Redis keys of a cache's markers, which share a slot.
 *
 * @since 0.1.0
 * @category models
 */
export interface MarkerKeys {
  readonly clear: string
  readonly tagFloor: string
  readonly tag: (tag: string) => string
}

/**
 * The clear marker, and the markers of an entry's tags in the order of the tags. Undefined: the marker is missing.
 *
 * @since 0.1.0
 * @category models
 */
export interface MarkerValues {
  readonly clear: number | undefined
  readonly tags: ReadonlyArray<number | undefined>
}

/**
 * The markers in a reply.
 *
 * @since 0.2.0
 * @category models
 */
export interface MarkerReply extends MarkerValues {
  /** the connection that answered */
  readonly generation: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const markerKeys = (name: string): MarkerKeys => ({
  clear: RedisKey.auxiliary(name, "clear"),
  tagFloor: RedisKey.auxiliary(name, "tags"),
  tag: (tag) => `${RedisKey.auxiliary(name, "tag")}:${tag}`
})

/**
 * Called once with the reply or the failure of a command.
 *
 * @since 0.1.0
 * @category models
 */
export type ReplyListener<A> = (reply: Exit.Exit<A, RedisError>) => void

/**
 * The markers of a read.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReadMarkers {
  readonly keys: MarkerKeys
  /** Remembers the clear marker of a reply; undefined when it is missing. */
  readonly noteClear: (marker: number | undefined) => void
}

/**
 * The markers of an entry that is about to be stored.
 *
 * @since 0.1.0
 * @category models
 */
export interface EntryMarkers {
  /** The clear marker as last seen. A new entry is created after it. */
  readonly floor: () => number
  /** Whether this process has seen the clear marker. */
  readonly isClearKnown: () => boolean
  /** Creates the clear marker, unless this process has seen it. */
  readonly ensureClear: Effect.Effect<void, RedisError>
  /**
   * Sends the write of an entry that is kept for `keepMillis`. The same flush extends the life of the entry's markers, or
   * only reads them where they live long enough. Calls back when both have ended, with a failure when either failed.
   */
  readonly withMarkers: <A>(
    tags: ReadonlyArray<string>,
    keepMillis: number,
    write: (onReply: ReplyListener<A>) => void,
    onReplies: ReplyListener<readonly [markers: MarkerReply, written: A]>
  ) => void
  /** Like `withMarkers`, but does not read the markers. */
  readonly withMarkersKept: <A>(
    tags: ReadonlyArray<string>,
    keepMillis: number,
    write: (onReply: ReplyListener<A>) => void
  ) => Effect.Effect<A, RedisError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface MarkerMoves {
  /** Moves the marker of a tag or of the cache. */
  readonly move: (item: Exclude<OutboxItem, { readonly _tag: "Key" }>) => Effect.Effect<void, RedisError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Markers extends ReadMarkers, EntryMarkers, MarkerMoves {
  /** Replaces the clear marker as last seen, also by a smaller one. Called after an outage, since the server may be another. */
  readonly replaceClear: (marker: number) => void
  /** Forgets how long the markers live. Called after an outage, since the server may be another one. */
  readonly forgetLifetime: () => void
}

/**
 * Sends two commands in one flush and calls back when both have ended.
 *
 * @since 0.2.0
 * @category constructors
 */
export const bothReplies = <A, B>(
  first: (onReply: ReplyListener<A>) => void,
  second: (onReply: ReplyListener<B>) => void,
  onReplies: ReplyListener<readonly [A, B]>
): void => {
  let a: Exit.Exit<A, RedisError> | undefined
  let b: Exit.Exit<B, RedisError> | undefined
  const conclude = () => {
    if (a === undefined || b === undefined) return
    if (Exit.isFailure(b)) onReplies(Exit.failCause(b.cause))
    else if (Exit.isFailure(a)) onReplies(Exit.failCause(a.cause))
    else onReplies(Exit.succeed([a.value, b.value]))
  }
  first((reply) => {
    a = reply
    conclude()
  })
  second((reply) => {
    b = reply
    conclude()
  })
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: MarkersOptions): Effect.Effect<Markers> =>
  Effect.gen(function* () {
    const { bus, redis } = options
    const clock = yield* Effect.clock
    const executor = RedisExecutor.of(redis)
    const keys = markerKeys(options.name)

    /** The clear marker as last seen. */
    let clearMarker: number | undefined
    /** By the monotonic clock, the time until which the clear marker lives, unless it is evicted. */
    let clearKeptUntil = Number.NEGATIVE_INFINITY
    /** Listeners of the next read of the clear marker, until its command is sent. */
    let clearListeners: Array<ReplyListener<MarkerReply>> | undefined

    const noteClear = (marker: number | undefined) => {
      clearMarker = marker === undefined ? undefined : Math.max(clearMarker ?? 0, marker)
    }

    const move: Markers["move"] = (item) => {
      const { clear, tagFloor } = keys
      const { channel } = bus
      const keepMillis = options.markerMillis
      return item._tag === "Tag"
        ? Effect.asVoid(
            redis.run(MarkerScripts.moveTag)({
              tag: keys.tag(item.tag),
              clear,
              tagFloor,
              keepMillis,
              channel,
              message: bus.tagMessage(item.tag)
            })
          )
        : // noted, so that an entry that this process stores in the same millisecond is created after it
          Effect.map(
            redis.run(MarkerScripts.moveClear)({ clear, keepMillis, channel, message: bus.clearMessage }),
            noteClear
          )
    }

    /** Lets the markers outlive an entry for twice as long as they must, so that the next entries need not. */
    const extend = (tags: ReadonlyArray<string>, keepMillis: number, onReply: ReplyListener<MarkerReply>): void => {
      const { clear, tag, tagFloor } = keys
      const millis = keepMillis + 2 * options.markerMillis
      const keptUntil = MonotonicClock.unsafeMillis(clock) + millis
      RedisExecutor.unsafeRun(
        executor,
        MarkerScripts.ensureMarkers,
        { clear, tagFloor, tags: options.isTagged ? tags.map(tag) : undefined, keepMillis: millis },
        (reply) => {
          if (Exit.isSuccess(reply)) {
            noteClear(reply.value.value[0])
            clearKeptUntil = Math.max(clearKeptUntil, keptUntil)
          }
          onReply(Exit.map(reply, ({ generation, value: [clear, ...tags] }) => ({ clear, tags, generation })))
        }
      )
    }

    /** Whether the markers live longer than an entry. If one is evicted all the same, the entry becomes a miss. */
    const liveLongEnough = (tags: ReadonlyArray<string>, keepMillis: number): boolean =>
      tags.length === 0 &&
      clearMarker !== undefined &&
      MonotonicClock.unsafeMillis(clock) + keepMillis + options.markerMillis <= clearKeptUntil

    /** Reads the clear marker, once for all listeners of one turn. Where it is missing, the next load creates it. */
    const readClear = (onReply: ReplyListener<MarkerReply>): void => {
      if (clearListeners !== undefined) {
        clearListeners.push(onReply)
        return
      }
      const listeners = [onReply]
      clearListeners = listeners
      const close = () => {
        if (clearListeners === listeners) clearListeners = undefined
      }
      RedisExecutor.unsafeReadTexts(
        executor,
        () => {
          close()
          return [keys.clear]
        },
        (reply) => {
          close()
          const values = Exit.map(reply, ({ generation, value: [text] }) => ({
            clear: text === undefined ? undefined : MarkerScripts.markerOf(text),
            tags: [],
            generation
          }))
          if (Exit.isSuccess(values)) noteClear(values.value.clear)
          for (const listener of listeners) listener(values)
        }
      )
    }

    const ensureClear = Effect.suspend(() =>
      clearMarker === undefined
        ? Effect.asVoid(Callback.make<MarkerReply, RedisError>((resume) => extend([], 0, resume)))
        : Effect.void
    )
    yield* Effect.ignore(ensureClear)

    return {
      keys,
      noteClear,
      floor: () => clearMarker ?? 0,
      isClearKnown: () => clearMarker !== undefined,
      ensureClear,
      withMarkers: (tags, keepMillis, write, onReplies) =>
        bothReplies(
          (onReply: ReplyListener<MarkerReply>) =>
            liveLongEnough(tags, keepMillis) ? readClear(onReply) : extend(tags, keepMillis, onReply),
          write,
          onReplies
        ),
      withMarkersKept: <A>(
        tags: ReadonlyArray<string>,
        keepMillis: number,
        write: (onReply: ReplyListener<A>) => void
      ) =>
        Callback.makeInTurn<A, RedisError>((resume) => {
          if (liveLongEnough(tags, keepMillis)) return write(resume)
          bothReplies(
            (onReply: ReplyListener<MarkerReply>) => extend(tags, keepMillis, onReply),
            write,
            (replies) => resume(Exit.map(replies, ([, written]) => written))
          )
        }),
      move,
      replaceClear: (marker) => {
        clearMarker = marker
      },
      forgetLifetime: () => {
        clearKeptUntil = Number.NEGATIVE_INFINITY
      }
    }
  })
