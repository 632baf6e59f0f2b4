/**
 * The shared tier: reads of one moment travel together, each key once, with the cache's markers beside them, and what
 * Redis holds is held against what this process knows (rules 1, 2 and 12 of docs/protocol.md).
 *
 * Reads are told to callbacks and not to fibers, so that a caller is woken once, with what becomes of the answer; a
 * suspension of a fiber costs as much as the rest of a read.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { LRUCache } from "lru-cache"
import * as Callback from "../redis/Callback.js"
import type { RedisClient } from "../redis/RedisClient.js"
import { type RedisError, RedisUnavailable } from "../redis/RedisError.js"
import * as CacheEntry from "./CacheEntry.js"
import type { EntryCodec } from "./EntryCodec.js"
import { type Invalidation, type Unread, unreadBecause } from "./Invalidation.js"
import { type LatencyHistogram, millisBetween } from "./LatencyHistogram.js"
import type { MarkersSeen } from "./Markers.js"
import { markerOf } from "./scripts/MarkerScripts.js"

/**
 * What Redis holds under a key, and whether this process knows nothing that speaks against it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Readable<out A> {
  /** none also when the stored text does not decode */
  readonly entry: CacheEntry.CacheEntry<A> | undefined
  /** when what is stored was born, decodable or not; 0 when there is nothing */
  readonly created: number
  /** what is stored, undecoded */
  readonly text: string | undefined
  /** whether nothing speaks against the entry */
  readonly trusted: boolean
  /** the server's time when it was answered, in milliseconds */
  readonly serverTime: number
}

/** Where a reader is told. */
type Answered<A> = (answer: Exit.Exit<Readable<A>, Unread>) => void

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisTier<A> {
  /** What stands under a key, if this process may read it: told once, at once or in the turn in which Redis answers. */
  readonly ask: (key: string, answered: Answered<A>) => void
  /** As `ask`. */
  readonly read: (key: string) => Effect.Effect<Readable<A>, Unread>
  /** As `ask`, of several keys at once, in their order. */
  readonly readMany: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Exit.Exit<Readable<A>, Unread>>>
}

/** The reads of one moment. */
class Batch<A> {
  /** each once */
  readonly keys: Array<string> = []
  /** whose markers travel with them */
  tags: ReadonlyArray<string> = []
  private readonly places = new Map<string, number>()
  private readonly callers: Array<Answered<A>> = []
  /** of each caller the place of its key */
  private readonly placesOfCallers: Array<number> = []

  /** When the first of them was asked for: the time, in nanoseconds, and `tagsTaken` of the outbox. */
  constructor(
    readonly asked: bigint,
    readonly tagsTaken: number
  ) {}

  join(key: string, answered: Answered<A>): void {
    let place = this.places.get(key)
    if (place === undefined) {
      place = this.keys.push(key) - 1
      this.places.set(key, place)
    }
    this.callers.push(answered)
    this.placesOfCallers.push(place)
  }

  /** Tells each caller, once, the answer at the place of its key. */
  tell(answerAt: (place: number) => Exit.Exit<Readable<A>, Unread>): void {
    const answers = this.keys.map((_, place) => answerAt(place))
    for (const [i, answered] of this.callers.splice(0).entries()) {
      const answer = answers[this.placesOfCallers[i] ?? 0]
      if (answer !== undefined) answered(answer)
    }
  }
}

type Entry<A> = CacheEntry.CacheEntry<A> | undefined

/** What Redis has answered to a batch: the markers, and texts and entries in the order of the keys. */
interface Reply<A> {
  readonly generation: number
  readonly clear: number | undefined
  readonly tags: Map<string, number | undefined>
  readonly texts: ReadonlyArray<string | undefined>
  readonly entries: Array<Exit.Exit<Entry<A>>>
}

const nothing = Exit.succeed(undefined)

const markerIn = (text: string | undefined): number | undefined => (text === undefined ? undefined : markerOf(text))

/** Keys whose tags are remembered, so that the markers can be asked for beside the value. */
const maxKnownTags = 10_000

/** Keys in one command, and markers: large enough to amortise the round trip, small enough not to stall the server. */
const maxKeys = 512

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
  readonly invalidation: Invalidation
  readonly isTagged: boolean
  readonly latency: LatencyHistogram
  readonly onDecodeFailure: (key: string) => void
}): Effect.Effect<RedisTier<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { codec, invalidation, latency, onDecodeFailure, redis } = options
    const { markers, outbox } = invalidation
    const clock = yield* Effect.clock
    const closed = Exit.fail(unreadBecause(new RedisUnavailable({ reason: "Disabled" })))
    const knownTags = options.isTagged ? new LRUCache<string, ReadonlyArray<string>>({ max: maxKnownTags }) : undefined
    const unanswered = new Set<Batch<A>>()
    /** what others still join */
    let gathering: Batch<A> | undefined
    let isClosed = false

    const fork = yield* FiberSet.makeRuntime<never>()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
        for (const batch of unanswered) answer(batch, () => closed)
      })
    )

    const answer = (batch: Batch<A>, answerAt: (place: number) => Exit.Exit<Readable<A>, Unread>): void => {
      unanswered.delete(batch)
      if (gathering === batch) gathering = undefined
      batch.tell(answerAt)
    }

    /** The entry that a text is; an effect only where decoding is one. A schema may die over a text. */
    const decode = (key: string, text: string | undefined): Exit.Exit<Entry<A>> | Effect.Effect<Entry<A>> => {
      if (text === undefined) return nothing
      const stored = CacheEntry.parse(text)
      if (stored === undefined) {
        onDecodeFailure(key)
        return nothing
      }
      const entryOf = (value: A) => CacheEntry.withValue(stored, value)
      try {
        const now = codec.decodeNow(key, stored)
        if (Option.isSome(now)) return Exit.succeed(entryOf(now.value))
      } catch (defect) {
        return Exit.die(defect)
      }
      return Effect.match(codec.decode(key, stored), {
        onSuccess: entryOf,
        onFailure: () => {
          onDecodeFailure(key)
          return undefined
        }
      })
    }

    const received = (batch: Batch<A>, generation: number, [clear, ...texts]: ReadonlyArray<string | undefined>) => {
      const entries: Array<Exit.Exit<Entry<A>>> = []
      const decoding: Array<Effect.Effect<void>> = []
      for (const [place, key] of batch.keys.entries()) {
        const entry = decode(key, texts[place])
        if (Exit.isExit(entry)) {
          entries[place] = entry
        } else {
          decoding.push(
            Effect.map(Effect.exit(entry), (exit) => {
              entries[place] = exit
            })
          )
        }
      }
      const tags = new Map(batch.tags.map((tag, i) => [tag, markerIn(texts[batch.keys.length + i])] as const))
      const reply = { generation, clear: markerIn(clear), tags, texts, entries }
      if (decoding.length === 0) seeTags(batch, reply)
      else fork(Effect.andThen(Effect.all(decoding, { discard: true }), () => seeTags(batch, reply)))
    }

    /** Asks for the markers of tags that were not known. */
    const seeTags = (batch: Batch<A>, reply: Reply<A>): void => {
      const others = new Set<string>()
      if (knownTags !== undefined) {
        for (const [place, exit] of reply.entries.entries()) {
          const tags = Exit.isSuccess(exit) ? exit.value?.tags : undefined
          if (tags === undefined || tags.length === 0) continue
          knownTags.set(batch.keys[place] ?? "", tags)
          for (const tag of tags) if (!reply.tags.has(tag)) others.add(tag)
        }
      }
      seeMore(batch, reply, Array.from(others))
    }

    const seeMore = (batch: Batch<A>, reply: Reply<A>, others: ReadonlyArray<string>): void => {
      const some = others.slice(0, maxKeys)
      if (some.length === 0) conclude(batch, reply)
      else {
        redis.unsafeMget(
          () => some.map(markers.tag),
          (exit) => {
            if (Exit.isFailure(exit)) return fail(batch, exit.cause)
            const { generation, value } = exit.value
            // a marker of another connection's server says nothing of this one's values
            if (generation === reply.generation) {
              for (const [i, tag] of some.entries()) reply.tags.set(tag, markerIn(value[i]))
            }
            seeMore(batch, reply, others.slice(maxKeys))
          }
        )
      }
    }

    const fail = (batch: Batch<A>, cause: Cause.Cause<RedisError>): void => {
      const failure = Exit.failCause(Cause.map(cause, unreadBecause))
      answer(batch, () => failure)
    }

    const conclude = (batch: Batch<A>, { clear, entries, generation, tags, texts }: Reply<A>): void => {
      invalidation.noteMarker(clear)
      const isUsable = invalidation.isUsable(generation)
      const serverTime = clock.unsafeCurrentTimeMillis() + redis.clockOffsetMillis()
      const untagged: MarkersSeen = { clear, tags: [] }
      answer(batch, (place) => {
        if (!isUsable) return Exit.fail(invalidation.refusal(batch.keys[place] ?? ""))
        const exit = entries[place] ?? nothing
        if (Exit.isFailure(exit)) return Exit.failCause(exit.cause)
        const entry = exit.value
        const text = texts[place]
        if (entry === undefined) {
          const created = text === undefined ? 0 : CacheEntry.createdOf(text)
          return Exit.succeed({ entry, created, text, trusted: false, serverTime })
        }
        const seen = entry.tags.length === 0 ? untagged : { clear, tags: entry.tags.map((tag) => tags.get(tag)) }
        const trusted = invalidation.isTrusted(entry.created, entry.tags, seen, batch.tagsTaken)
        return Exit.succeed({ entry, created: entry.created, text, trusted, serverTime })
      })
    }

    /** The batch leaves: nobody joins any more. */
    const leave = (batch: Batch<A>): ReadonlyArray<string> => {
      if (gathering === batch) gathering = undefined
      if (knownTags === undefined) return [markers.clear, ...batch.keys]
      const tags = new Set<string>()
      for (const key of batch.keys) {
        if (tags.size < maxKeys) for (const tag of knownTags.get(key) ?? []) tags.add(tag)
      }
      batch.tags = Array.from(tags)
      return [markers.clear, ...batch.keys, ...batch.tags.map(markers.tag)]
    }

    const ask: RedisTier<A>["ask"] = (key, answered) => {
      if (isClosed) return answered(closed)
      if (!invalidation.mayRead(key)) return answered(Exit.fail(invalidation.refusal(key)))
      if (gathering !== undefined && gathering.keys.length < maxKeys) return gathering.join(key, answered)
      const batch = new Batch<A>(clock.unsafeCurrentTimeNanos(), outbox.tagsTaken())
      batch.join(key, answered)
      gathering = batch
      unanswered.add(batch)
      redis.unsafeMget(
        () => leave(batch),
        (exit) => {
          latency.note(millisBetween(batch.asked, clock.unsafeCurrentTimeNanos()), batch.keys.length)
          if (Exit.isFailure(exit)) fail(batch, exit.cause)
          else received(batch, exit.value.generation, exit.value.value)
        }
      )
    }

    return {
      ask,
      read: (key) => Callback.make((resume) => ask(key, resume)),
      readMany: (keys) =>
        keys.length === 0
          ? Effect.succeed([])
          : Callback.make((resume) => {
              const answers: Array<Exit.Exit<Readable<A>, Unread>> = []
              let missing = keys.length
              for (const [i, key] of keys.entries()) {
                ask(key, (answer) => {
                  answers[i] = answer
                  missing--
                  if (missing === 0) resume(Exit.succeed(answers))
                })
              }
            })
    }
  })
