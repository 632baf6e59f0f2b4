/**
 * The shared tier: reads of one moment travel together, each key once, with the cache's clear marker beside them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { RedisClient } from "../redis/RedisClient.js"
import { type RedisError, RedisUnavailable } from "../redis/RedisError.js"
import type { CacheCodec } from "./CacheCodec.js"
import * as CacheEntry from "./CacheEntry.js"
import { type LatencyHistogram, millisBetween } from "./LatencyHistogram.js"
import { markerOf } from "./scripts/MarkerScripts.js"

/**
 * What Redis holds under a key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found<A> {
  /** none also when the stored text does not decode */
  readonly entry: CacheEntry.CacheEntry<A> | undefined
  /** when what is stored was born, decodable or not; 0 when there is nothing */
  readonly created: number
  /** what is stored, undecoded */
  readonly text: string | undefined
  readonly marker: number | undefined
  readonly generation: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisTier<A> {
  readonly read: (key: string) => Effect.Effect<Found<A>, RedisError>
}

type Resume<A> = (exit: Exit.Exit<Found<A>, RedisError>) => void

/** The callers of each key. */
type Batch<A> = ReadonlyMap<string, ReadonlyArray<Resume<A>>>

const resumeAll = <A>(batch: Batch<A>, exit: Exit.Exit<Found<A>, RedisError>): void => {
  for (const resumes of batch.values()) for (const resume of resumes) resume(exit)
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: {
  readonly redis: RedisClient.Service
  readonly codec: CacheCodec<A>
  readonly clearMarker: string
  readonly latency: LatencyHistogram
  readonly onDecodeFailure: () => void
}): Effect.Effect<RedisTier<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const clock = yield* Effect.clock
    const closed = Exit.fail(new RedisUnavailable({ reason: "Disabled" }))
    let isClosed = false
    let gathering: Map<string, Array<Resume<A>>> | undefined
    let onFirst: (() => void) | undefined

    const decode = (text: string): Effect.Effect<CacheEntry.CacheEntry<A> | undefined> =>
      Effect.suspend(() => {
        const stored = CacheEntry.parse(text)
        if (stored === undefined) {
          options.onDecodeFailure()
          return Effect.succeed(undefined)
        }
        return options.codec.decode(stored.value).pipe(
          Effect.map((value) => ({ value, created: stored.created, timeToLive: stored.timeToLive })),
          Effect.catchTag("CacheCodecError", () => {
            options.onDecodeFailure()
            return Effect.succeed(undefined)
          })
        )
      })

    const found = (text: string | undefined): Effect.Effect<Pick<Found<A>, "entry" | "created" | "text">> =>
      text === undefined
        ? Effect.succeed({ entry: undefined, created: 0, text })
        : Effect.map(decode(text), (entry) => ({ entry, created: CacheEntry.createdOf(text), text }))

    const ask = (batch: Batch<A>) =>
      Effect.gen(function* () {
        const keys = Array.from(batch.keys())
        const asked = clock.unsafeCurrentTimeNanos()
        const reply = yield* Effect.exit(options.redis.mgetStamped([options.clearMarker, ...keys]))
        options.latency.note(millisBetween(asked, clock.unsafeCurrentTimeNanos()), keys.length)
        if (Exit.isFailure(reply)) return resumeAll(batch, Exit.failCause(reply.cause))
        const { generation, value } = reply.value
        const [markerText, ...texts] = value.map(Option.getOrUndefined)
        const marker = markerText === undefined ? undefined : markerOf(markerText)
        for (const [i, key] of keys.entries()) {
          // a schema that dies over one text is no matter of the other callers
          const exit = yield* Effect.exit(found(texts[i]))
          const stamped = Exit.map(exit, (found) => ({ ...found, marker, generation }))
          for (const resume of batch.get(key) ?? []) resume(stamped)
        }
      }).pipe(
        Effect.interruptible,
        Effect.onInterrupt(() => Effect.sync(() => resumeAll(batch, closed)))
      )

    const someoneReads = Effect.async<void>((resume) => {
      if (gathering !== undefined) return resume(Effect.void)
      onFirst = () => {
        onFirst = undefined
        resume(Effect.void)
      }
    })

    const leave = Effect.gen(function* () {
      yield* someoneReads
      // callers that run in the same turn join before the batch leaves
      yield* Effect.yieldNow()
      yield* Effect.uninterruptible(
        Effect.suspend(() => {
          const batch = gathering
          gathering = undefined
          return batch === undefined ? Effect.void : Effect.forkIn(ask(batch), scope)
        })
      )
    })
    yield* Effect.forkScoped(Effect.interruptible(Effect.forever(leave)))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
        if (gathering !== undefined) resumeAll(gathering, closed)
      })
    )

    const read = (key: string): Effect.Effect<Found<A>, RedisError> =>
      Effect.async<Found<A>, RedisError>((resume) => {
        if (isClosed) return resume(closed)
        if (gathering === undefined) {
          gathering = new Map([[key, [resume]]])
          onFirst?.()
          return
        }
        const waiting = gathering.get(key)
        if (waiting === undefined) gathering.set(key, [resume])
        else waiting.push(resume)
      })

    return { read }
  })
