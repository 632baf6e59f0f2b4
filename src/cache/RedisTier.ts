/**
 * The shared tier: reads of one moment travel together, each key once, with the cache's markers beside them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { LRUCache } from "lru-cache"
import type { RedisClient } from "../redis/RedisClient.js"
import { type RedisError, RedisUnavailable } from "../redis/RedisError.js"
import * as CacheEntry from "./CacheEntry.js"
import type { EntryCodec } from "./EntryCodec.js"
import type { MarkerKeys, MarkersSeen } from "./Invalidation.js"
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
  /** those of the cache and of the entry's tags */
  readonly markers: MarkersSeen
  readonly generation: number
  /** the server's time when it was answered, in milliseconds */
  readonly serverTime: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisTier<A> {
  /**
   * What stands under a key, told once, in the turn in which Redis has answered: a callback and no effect, so that its
   * caller is woken once, with what it makes of the answer.
   */
  readonly ask: (key: string, answered: Answered<A>) => void
}

type Answered<A> = (answer: Exit.Exit<Found<A>, RedisError>) => void

/** The callers of each key. */
type Batch<A> = ReadonlyMap<string, ReadonlyArray<Answered<A>>>

const answerAll = <A>(batch: Batch<A>, answer: Exit.Exit<never, RedisError>): void => {
  for (const callers of batch.values()) for (const answered of callers) answered(answer)
}

const nothing = Exit.succeed(undefined)

/** Keys whose tags are remembered, so that the markers can be asked for beside the value. */
const maxKnownTags = 10_000

/**
 * The markers of a key's tags are asked for beside it as far as its tags are known from the last time; those of others
 * follow in a second command. What that says of a marker is newer than the value, and so speaks against no less.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: {
  readonly redis: RedisClient.Service
  readonly codec: EntryCodec<A>
  readonly markers: MarkerKeys
  readonly isTagged: boolean
  readonly latency: LatencyHistogram
  readonly onDecodeFailure: (key: string) => void
}): Effect.Effect<RedisTier<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { markers, redis } = options
    const scope = yield* Effect.scope
    const clock = yield* Effect.clock
    const closed = Exit.fail(new RedisUnavailable({ reason: "Disabled" }))
    const knownTags = options.isTagged ? new LRUCache<string, ReadonlyArray<string>>({ max: maxKnownTags }) : undefined
    let isClosed = false
    let gathering: Map<string, Array<Answered<A>>> | undefined
    let onFirst: (() => void) | undefined

    const undecodable = (key: string) =>
      Effect.sync(() => {
        options.onDecodeFailure(key)
        return undefined
      })

    type Entry = CacheEntry.CacheEntry<A> | undefined

    /** The entry that a text is; a schema that dies over one text is no matter of the other callers. */
    const decode = (key: string, text: string | undefined): Exit.Exit<Entry> | Effect.Effect<Exit.Exit<Entry>> => {
      if (text === undefined) return nothing
      const stored = CacheEntry.parse(text)
      if (stored === undefined) return Effect.exit(undecodable(key))
      const { created, tags, timeToLive, versionTag } = stored
      const entryOf = (value: A) => ({ value, created, tags, timeToLive, versionTag })
      const now = options.codec.decodeNow(key, stored)
      return Option.isSome(now)
        ? Exit.succeed(entryOf(now.value))
        : Effect.exit(
            Effect.matchEffect(options.codec.decode(key, stored), {
              onSuccess: (value) => Effect.succeed(entryOf(value)),
              onFailure: () => undecodable(key)
            })
          )
    }

    /** Asks for what is not in `seen` yet, and answers the generation, which is the same for all or none. */
    const see = (seen: Map<string, string | undefined>, keys: ReadonlyArray<string>) =>
      Effect.map(redis.mgetStamped(keys), ({ generation, value }) => {
        for (const [i, key] of keys.entries()) seen.set(key, Option.getOrUndefined(value[i] ?? Option.none()))
        return generation
      })

    const markerIn = (seen: ReadonlyMap<string, string | undefined>, key: string): number | undefined => {
      const text = seen.get(key)
      return text === undefined ? undefined : markerOf(text)
    }

    const ask = (batch: Batch<A>) =>
      Effect.gen(function* () {
        const keys = Array.from(batch.keys())
        const seen = new Map<string, string | undefined>()
        const known = new Set(keys.flatMap((key) => knownTags?.get(key) ?? []))
        const asked = clock.unsafeCurrentTimeNanos()
        const reply = yield* Effect.exit(see(seen, [markers.clear, ...keys, ...Array.from(known, markers.tag)]))
        options.latency.note(millisBetween(asked, clock.unsafeCurrentTimeNanos()), keys.length)
        if (Exit.isFailure(reply)) return answerAll(batch, Exit.failCause(reply.cause))
        const generation = reply.value

        const entries: Array<Exit.Exit<Entry>> = []
        for (const key of keys) {
          const entry = decode(key, seen.get(key))
          entries.push(Exit.isExit(entry) ? entry : yield* entry)
        }
        const others = new Set<string>()
        for (const [i, exit] of entries.entries()) {
          const entry = Exit.isSuccess(exit) ? exit.value : undefined
          if (entry === undefined || entry.tags.length === 0) continue
          knownTags?.set(keys[i] ?? "", entry.tags)
          for (const tag of entry.tags) if (!seen.has(markers.tag(tag))) others.add(markers.tag(tag))
        }
        if (others.size > 0) {
          const other = yield* Effect.exit(see(seen, Array.from(others)))
          if (Exit.isFailure(other)) return answerAll(batch, Exit.failCause(other.cause))
          // a marker of another connection's server says nothing of this one's values
          if (other.value !== generation) for (const marker of others) seen.delete(marker)
        }

        const untagged: MarkersSeen = { clear: markerIn(seen, markers.clear), tags: [] }
        const serverTime = yield* redis.serverTime
        for (const [i, exit] of entries.entries()) {
          const key = keys[i] ?? ""
          const text = seen.get(key)
          const answer = Exit.map(exit, (entry) => ({
            entry,
            created: text === undefined ? 0 : (entry?.created ?? CacheEntry.createdOf(text)),
            text,
            markers:
              entry === undefined || entry.tags.length === 0
                ? untagged
                : { ...untagged, tags: entry.tags.map((tag) => markerIn(seen, markers.tag(tag))) },
            generation,
            serverTime
          }))
          for (const answered of batch.get(key) ?? []) answered(answer)
        }
      }).pipe(
        Effect.interruptible,
        Effect.onInterrupt(() => Effect.sync(() => answerAll(batch, closed)))
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
        if (gathering !== undefined) answerAll(gathering, closed)
      })
    )

    return {
      ask: (key, answered) => {
        if (isClosed) return answered(closed)
        if (gathering === undefined) {
          gathering = new Map([[key, [answered]]])
          onFirst?.()
          return
        }
        const callers = gathering.get(key)
        if (callers === undefined) gathering.set(key, [answered])
        else callers.push(answered)
      }
    }
  })
