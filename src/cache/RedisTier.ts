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
import type { RedisError } from "../redis/RedisError.js"
import type { CacheCodec } from "./CacheCodec.js"
import * as CacheEntry from "./CacheEntry.js"

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
  /** characters of the stored text; 0 when there is none */
  readonly size: number
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

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: {
  readonly redis: RedisClient.Service
  readonly codec: CacheCodec<A>
  readonly clearMarker: string
  readonly onDecodeFailure: () => void
}): Effect.Effect<RedisTier<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
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

    const ask = (batch: ReadonlyMap<string, ReadonlyArray<Resume<A>>>) =>
      Effect.gen(function* () {
        const keys = Array.from(batch.keys())
        const reply = yield* Effect.exit(options.redis.mgetStamped([options.clearMarker, ...keys]))
        if (Exit.isFailure(reply)) {
          for (const resumes of batch.values()) for (const resume of resumes) resume(Exit.failCause(reply.cause))
          return
        }
        const { generation, value: values } = reply.value
        const marker = Option.match(values[0] ?? Option.none(), { onNone: () => undefined, onSome: Number })
        for (let i = 0; i < keys.length; i++) {
          const text = values[i + 1]
          const isThere = text !== undefined && Option.isSome(text)
          const entry = isThere ? yield* decode(text.value) : undefined
          const exit = Exit.succeed({
            entry,
            created: isThere ? (CacheEntry.parse(text.value)?.created ?? 0) : 0,
            size: isThere ? text.value.length : 0,
            marker,
            generation
          })
          for (const resume of batch.get(keys[i] ?? "") ?? []) resume(exit)
        }
      })

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
      const batch = gathering
      gathering = undefined
      if (batch !== undefined) yield* Effect.forkIn(ask(batch), scope)
    })
    yield* Effect.forkScoped(Effect.interruptible(Effect.forever(leave)))

    const read = (key: string): Effect.Effect<Found<A>, RedisError> =>
      Effect.async<Found<A>, RedisError>((resume) => {
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
