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
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisTier<A> {
  readonly read: (key: string) => Effect.Effect<Found<A>, RedisError>
  /** Several, in their order. */
  readonly readMany: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Exit.Exit<Found<A>, RedisError>>>
}

type Resume<A> = (exit: Exit.Exit<Found<A>, RedisError>) => void

/** The callers of each key. */
type Batch<A> = ReadonlyMap<string, ReadonlyArray<Resume<A>>>

const resumeAll = <A>(batch: Batch<A>, exit: Exit.Exit<never, RedisError>): void => {
  for (const resumes of batch.values()) for (const resume of resumes) resume(exit)
}

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
    let gathering: Map<string, Array<Resume<A>>> | undefined
    let onFirst: (() => void) | undefined

    const decode = (key: string, text: string): Effect.Effect<CacheEntry.CacheEntry<A> | undefined> =>
      Effect.suspend(() => {
        const stored = CacheEntry.parse(text)
        if (stored === undefined) {
          options.onDecodeFailure(key)
          return Effect.succeed(undefined)
        }
        const { content, ...attributes } = stored
        return options.codec.decode(key, content).pipe(
          Effect.map((value) => ({ ...attributes, value })),
          Effect.catchTag("CacheCodecError", () => {
            options.onDecodeFailure(key)
            return Effect.succeed(undefined)
          })
        )
      })

    const found = (
      key: string,
      text: string | undefined
    ): Effect.Effect<Pick<Found<A>, "entry" | "created" | "text">> =>
      text === undefined
        ? Effect.succeed({ entry: undefined, created: 0, text })
        : Effect.map(decode(key, text), (entry) => ({ entry, created: CacheEntry.createdOf(text), text }))

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
        if (Exit.isFailure(reply)) return resumeAll(batch, Exit.failCause(reply.cause))
        const generation = reply.value

        // a schema that dies over one text is no matter of the other callers
        const answers = yield* Effect.forEach(keys, (key) => Effect.exit(found(key, seen.get(key))))
        const others = new Set<string>()
        for (const [i, answer] of answers.entries()) {
          const entry = Exit.isSuccess(answer) ? answer.value.entry : undefined
          if (entry === undefined || entry.tags.length === 0) continue
          knownTags?.set(keys[i] ?? "", entry.tags)
          for (const tag of entry.tags) if (!seen.has(markers.tag(tag))) others.add(markers.tag(tag))
        }
        if (others.size > 0) {
          const other = yield* Effect.exit(see(seen, Array.from(others)))
          if (Exit.isFailure(other)) return resumeAll(batch, Exit.failCause(other.cause))
          // a marker of another connection's server says nothing of this one's values
          if (other.value !== generation) for (const marker of others) seen.delete(marker)
        }

        const clear = markerIn(seen, markers.clear)
        for (const [i, answer] of answers.entries()) {
          const stamped = Exit.map(answer, (found) => {
            const tags = (found.entry?.tags ?? []).map((tag) => markerIn(seen, markers.tag(tag)))
            return { ...found, markers: { clear, tags }, generation }
          })
          for (const resume of batch.get(keys[i] ?? "") ?? []) resume(stamped)
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

    const join = (key: string, resume: Resume<A>): void => {
      if (isClosed) resume(closed)
      else if (gathering === undefined) {
        gathering = new Map([[key, [resume]]])
        onFirst?.()
      } else {
        const waiting = gathering.get(key)
        if (waiting === undefined) gathering.set(key, [resume])
        else waiting.push(resume)
      }
    }

    return {
      read: (key) => Effect.async((resume) => join(key, resume)),
      readMany: (keys) =>
        keys.length === 0
          ? Effect.succeed([])
          : Effect.async((resume) => {
              const answers: Array<Exit.Exit<Found<A>, RedisError>> = []
              let missing = keys.length
              for (const [i, key] of keys.entries()) {
                join(key, (answer) => {
                  answers[i] = answer
                  missing--
                  if (missing === 0) resume(Effect.succeed(answers))
                })
              }
            })
    }
  })
