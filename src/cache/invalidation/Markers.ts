/**
 * Markers: a time per cache or tag, that entries born then or before are invalid; what makes them outlive the entries that
 * depend on them, and what moves them (rule 12 of docs/protocol.md).
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Callback from "../../internal/Callback.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisKey from "../../redis/RedisKey.js"
import * as MarkerScripts from "../scripts/MarkerScripts.js"
import type { Bus } from "./Bus.js"
import type { OutboxItem } from "./Outbox.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface MarkersOptions {
  readonly redis: RedisClient.Service
  readonly bus: Bus
  /** names the cache */
  readonly name: string
  /** whether its entries have tags */
  readonly isTagged: boolean
  /** for how long a marker outlives the entries that depend on it, in milliseconds */
  readonly markerMillis: number
}

/**
 * The names of a cache's markers, which share a slot.
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
 * What stood under the markers of a cache and of an entry's tags, in their order: undefined where nothing did.
 *
 * @since 0.1.0
 * @category models
 */
export interface MarkersSeen {
  readonly clear: number | undefined
  readonly tags: ReadonlyArray<number | undefined>
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
 * @since 0.1.0
 * @category models
 */
export interface Markers {
  readonly markers: MarkerKeys
  /** The clear marker as last seen: an entry made now is born after it. */
  readonly floor: () => number
  /** The clear marker as it was just read or made; undefined when it is missing. */
  readonly noteMarker: (marker: number | undefined) => void
  /** From now on it is not known how long they are kept: the server may be another one. */
  readonly forgetKept: () => void
  /** Makes the clear marker unless it is known to be there. */
  readonly ensureMarker: Effect.Effect<void, RedisError>
  /**
   * Sends a write of an entry that is kept for `keepMillis`, and in the same flush what makes its markers outlive it, or
   * reads them where they are known to. Fails when either does, and not before both have ended.
   */
  readonly withMarkers: <A>(
    tags: ReadonlyArray<string>,
    keepMillis: number,
    write: (answered: Answered<A>) => void
  ) => Effect.Effect<{ readonly markers: MarkersSeen; readonly written: A }, RedisError>
  /** As `withMarkers`, without their values. */
  readonly withMarkersKept: <A>(
    tags: ReadonlyArray<string>,
    keepMillis: number,
    write: (answered: Answered<A>) => void
  ) => Effect.Effect<A, RedisError>
  /** Moves the marker of a tag or of the cache. */
  readonly moveMarker: (item: Exclude<OutboxItem, { readonly _tag: "Key" }>) => Effect.Effect<void, RedisError>
}

type Answered<A> = (reply: Exit.Exit<A, RedisError>) => void

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: MarkersOptions): Effect.Effect<Markers> =>
  Effect.gen(function* () {
    const { bus, redis } = options
    const clock = yield* Effect.clock
    const markers = markerKeys(options.name)

    /** The clear marker as last seen. */
    let clearMarker: number | undefined
    /** until when it is there at least, by the monotonic clock, unless it is evicted */
    let clearKeptUntil = Number.NEGATIVE_INFINITY
    /** who waits for it to be read, before the command leaves */
    let clearReaders: Array<Answered<MarkersSeen>> | undefined
    const noteMarker = (seen: number | undefined) => {
      clearMarker = seen === undefined ? undefined : Math.max(clearMarker ?? 0, seen)
    }

    const moveMarker: Markers["moveMarker"] = (item) => {
      const { keepMillis, clear, tagFloor } = { ...markers, keepMillis: options.markerMillis }
      const { channel } = bus
      return item._tag === "Tag"
        ? Effect.asVoid(
            redis.run(MarkerScripts.moveTag)({
              tag: markers.tag(item.tag),
              clear,
              tagFloor,
              keepMillis,
              channel,
              message: bus.tagMessage(item.tag)
            })
          )
        : // what this process stores in the same millisecond is then younger than it
          Effect.map(
            redis.run(MarkerScripts.moveClear)({ clear, keepMillis, channel, message: bus.clearMessage }),
            noteMarker
          )
    }

    /** Makes the markers of an entry outlive it for twice as long as they must, so that the next entries need not. */
    const ensureMarkers = (tags: ReadonlyArray<string>, keepMillis: number, answered: Answered<MarkersSeen>): void => {
      const { clear, tag, tagFloor } = markers
      const millis = keepMillis + 2 * options.markerMillis
      const keptUntil = MonotonicClock.unsafeMillis(clock) + millis
      redis.unsafeRun(MarkerScripts.ensureMarkers)(
        { clear, tagFloor, tags: options.isTagged ? tags.map(tag) : undefined, keepMillis: millis },
        (reply) => {
          if (Exit.isSuccess(reply)) {
            noteMarker(reply.value.value[0])
            clearKeptUntil = Math.max(clearKeptUntil, keptUntil)
          }
          answered(Exit.map(reply, ({ value: [clear, ...tags] }) => ({ clear, tags })))
        }
      )
    }

    /** Whether the markers of an entry are known to outlive it. One that was evicted all the same is missing to readers. */
    const areKept = (tags: ReadonlyArray<string>, keepMillis: number): boolean =>
      tags.length === 0 &&
      clearMarker !== undefined &&
      MonotonicClock.unsafeMillis(clock) + keepMillis + options.markerMillis <= clearKeptUntil

    /** The clear marker, which is read once for all who ask in one turn. Where it is missing, the next load makes it. */
    const readClear = (answered: Answered<MarkersSeen>): void => {
      if (clearReaders !== undefined) {
        clearReaders.push(answered)
        return
      }
      const readers = [answered]
      clearReaders = readers
      const leave = () => {
        if (clearReaders === readers) clearReaders = undefined
      }
      redis.unsafeMget(
        () => {
          leave()
          return [markers.clear]
        },
        (reply) => {
          leave()
          const seen = Exit.map(reply, ({ value: [text] }) => ({
            clear: text === undefined ? undefined : MarkerScripts.markerOf(text),
            tags: []
          }))
          if (Exit.isSuccess(seen)) noteMarker(seen.value.clear)
          for (const each of readers) each(seen)
        }
      )
    }

    /** Two questions in one flush, answered when both are. */
    const both = <A, B>(
      ask: (answered: Answered<A>) => void,
      write: (answered: Answered<B>) => void
    ): Effect.Effect<readonly [A, B], RedisError> =>
      Callback.make((resume) => {
        let asked: Exit.Exit<A, RedisError> | undefined
        let written: Exit.Exit<B, RedisError> | undefined
        const conclude = () => {
          if (asked === undefined || written === undefined) return
          if (Exit.isFailure(written)) resume(Exit.failCause(written.cause))
          else if (Exit.isFailure(asked)) resume(Exit.failCause(asked.cause))
          else resume(Exit.succeed([asked.value, written.value]))
        }
        ask((reply) => {
          asked = reply
          conclude()
        })
        write((reply) => {
          written = reply
          conclude()
        })
      })

    const ensureMarker = Effect.suspend(() =>
      clearMarker === undefined
        ? Effect.asVoid(Callback.make<MarkersSeen, RedisError>((resume) => ensureMarkers([], 0, resume)))
        : Effect.void
    )
    yield* Effect.ignore(ensureMarker)

    return {
      markers,
      floor: () => clearMarker ?? 0,
      noteMarker,
      forgetKept: () => {
        clearKeptUntil = Number.NEGATIVE_INFINITY
      },
      ensureMarker,
      moveMarker,
      withMarkers: (tags, keepMillis, write) =>
        Effect.map(
          both(
            (answered: Answered<MarkersSeen>) =>
              areKept(tags, keepMillis) ? readClear(answered) : ensureMarkers(tags, keepMillis, answered),
            write
          ),
          ([markers, written]) => ({ markers, written })
        ),
      withMarkersKept: (tags, keepMillis, write) =>
        Effect.suspend(() =>
          areKept(tags, keepMillis)
            ? Callback.make(write)
            : Effect.map(
                both((answered: Answered<MarkersSeen>) => ensureMarkers(tags, keepMillis, answered), write),
                ([, written]) => written
              )
        )
    }
  })
