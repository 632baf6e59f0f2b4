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
import * as Callback from "../../internal/Callback.js"
import * as Eager from "../../internal/Eager.js"
import { type LatencyHistogram, millisBetween } from "../../internal/LatencyHistogram.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { type RedisError, RedisUnavailable } from "../../redis/RedisError.js"
import { CacheCodecError } from "../entry/CacheCodec.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheKey } from "../entry/CacheKey.js"
import type { EntryCodec } from "../entry/EntryCodec.js"
import type { MarkerValues, ReadMarkers } from "../invalidation/Markers.js"
import { type ReadFailure, readFailureOf } from "../invalidation/ReadFailure.js"
import type { ReadGuard } from "../invalidation/ReadGuard.js"
import { markerOf } from "../scripts/MarkerScripts.js"
import { maxKeys, PendingReads, ReadBatch } from "./PendingReads.js"
import type { Found, ReadListener, TierResult } from "./TierRead.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisTier<A> {
  /** What stands under a key, if this process may read it: told once, at once or when Redis answers. */
  readonly ask: (key: CacheKey, asker: ReadListener<A>, number: number) => void
  /** As `ask`. */
  readonly read: (key: CacheKey) => Effect.Effect<Found<A>, ReadFailure>
  /** As `ask`, of several keys at once, in their order. */
  readonly readMany: (keys: ReadonlyArray<CacheKey>) => Effect.Effect<ReadonlyArray<TierResult<A>>>
}

/** How many parts a reply of hits is told in, and how many callers are at least worth one. */
const parts = 4
const leastPart = 8

/** Waits for one answer. */
class One<A> implements ReadListener<A> {
  constructor(readonly resume: (exit: Exit.Exit<Found<A>, ReadFailure>) => void) {}

  onResult(answer: TierResult<A>): void {
    this.resume(answer._tag === "Found" ? Exit.succeed(answer) : Exit.failCause(answer.cause))
  }
}

/** Waits for several answers, each at the place of its number. */
class Several<A> implements ReadListener<A> {
  private readonly answers: Array<TierResult<A>> = []

  constructor(
    private missing: number,
    private readonly resume: (exit: Exit.Exit<ReadonlyArray<TierResult<A>>>) => void
  ) {}

  onResult(answer: TierResult<A>, number: number): void {
    this.answers[number] = answer
    this.missing--
    if (this.missing === 0) this.resume(Exit.succeed(this.answers))
  }
}

type Entry<A> = CacheEntry.CacheEntry<A> | undefined

/** What Redis has answered to a batch: texts, the clear marker before them, and entries in the order of the keys. */
interface Reply<A> {
  readonly generation: number
  readonly texts: ReadonlyArray<string | undefined>
  readonly tags: Map<string, number | undefined>
  readonly entries: Array<Entry<A>>
}

/** A text that is no entry at all. */
const noEntry = new CacheCodecError({ operation: "Decode", path: "" })

/** How many texts stand before those of the keys. */
const textsBefore = 1

const markerIn = (text: string | undefined): number | undefined => (text === undefined ? undefined : markerOf(text))

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
  readonly guard: ReadGuard
  readonly markers: ReadMarkers
  readonly isTagged: boolean
  readonly latency: LatencyHistogram
  /** Counts a text that is a miss, and answers what is to be logged of it. */
  readonly onDecodeFailure: (key: string, error: CacheCodecError) => Effect.Effect<void> | undefined
}): Effect.Effect<RedisTier<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { codec, guard, latency, markers, onDecodeFailure, redis } = options
    const clock = yield* Effect.clock
    const unanswered = (cause: Cause.Cause<ReadFailure>): TierResult<A> => ({ _tag: "Failed", cause })
    const closed = unanswered(Cause.fail(readFailureOf(new RedisUnavailable({ reason: "Disabled" }))))
    const knownTags = options.isTagged ? new LRUCache<string, ReadonlyArray<string>>({ max: maxKnownTags }) : undefined
    const open = new Set<ReadBatch<A>>()
    /** what others still join */
    let gathering: PendingReads<A> | undefined
    let isClosed = false

    const fork = yield* FiberSet.makeRuntime<never>()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
        for (const batch of open) batch.tell(batch.size, () => closed)
      })
    )

    /** Nobody joins any more what a batch was gathered with. */
    const endGathering = (batch: ReadBatch<A>): void => {
      if (gathering?.batches.includes(batch)) gathering = undefined
    }

    /**
     * Tells who asks, and of hits in parts while nothing else is under way: Redis then works on what the first of them ask
     * next while the others go on. `answersNow` is asked anew for each part, by what is known of invalidations then.
     */
    const answer = (batch: ReadBatch<A>, answersNow: () => (place: number) => TierResult<A>): void => {
      open.delete(batch)
      endGathering(batch)
      const part = open.size > 0 ? batch.size : Math.max(leastPart, Math.ceil(batch.size / parts))
      const tellPart = () => {
        if (batch.tell(part, answersNow())) setImmediate(tellPart)
      }
      tellPart()
    }

    const received = (batch: ReadBatch<A>, generation: number, texts: ReadonlyArray<string | undefined>): void => {
      const { keys } = batch
      const reply: Reply<A> = { generation, texts, tags: new Map(), entries: [] }
      /** the values whose codec needs a fiber */
      const decoding: Array<Effect.Effect<void>> = []
      for (let place = 0; place < keys.length; place++) {
        reply.entries.push(undefined)
        const text = texts[place + textsBefore]
        if (text === undefined) continue
        const key = keys[place] ?? ""
        const stored = CacheEntry.parse(text)
        if (stored === undefined) {
          reportMisfit(key, noEntry)
          continue
        }
        const decoded = decode(key, stored)
        if (Eager.isExit(decoded)) keepDecoded(reply, place, key, stored, decoded)
        else decoding.push(Effect.map(Effect.exit(decoded), (exit) => keepDecoded(reply, place, key, stored, exit)))
      }
      for (const [i, tag] of batch.tags.entries()) reply.tags.set(tag, markerIn(texts[keys.length + textsBefore + i]))
      if (decoding.length === 0) seeTags(batch, reply)
      else fork(Effect.andThen(Effect.all(decoding, { discard: true }), () => seeTags(batch, reply)))
    }

    const decode = (key: string, stored: CacheEntry.StoredEntry): Effect.Effect<A, CacheCodecError> => {
      try {
        return codec.decode(key, stored)
      } catch (defect) {
        // thrown from a callback of the client, it would end the process
        return Exit.die(defect)
      }
    }

    /** A codec that dies fails neither the reads of other keys nor the next read of this one. */
    const keepDecoded = (
      reply: Reply<A>,
      place: number,
      key: string,
      stored: CacheEntry.StoredEntry,
      decoded: Exit.Exit<A, CacheCodecError>
    ): void => {
      if (Exit.isSuccess(decoded)) {
        reply.entries[place] = CacheEntry.withValue(stored, decoded.value)
        return
      }
      const error = Option.getOrElse(
        Cause.failureOption(decoded.cause),
        () => new CacheCodecError({ operation: "Decode", path: "", cause: Cause.squash(decoded.cause) })
      )
      reportMisfit(key, error)
    }

    const reportMisfit = (key: string, error: CacheCodecError): void => {
      const line = onDecodeFailure(key, error)
      if (line !== undefined) fork(line)
    }

    /** Asks for the markers of tags that were not known. */
    const seeTags = (batch: ReadBatch<A>, reply: Reply<A>): void => {
      const others = new Set<string>()
      if (knownTags !== undefined) {
        for (const [place, entry] of reply.entries.entries()) {
          const tags = entry?.tags
          if (tags === undefined || tags.length === 0) continue
          knownTags.set(batch.keys[place] ?? "", tags)
          for (const tag of tags) if (!reply.tags.has(tag)) others.add(tag)
        }
      }
      seeMore(batch, reply, Array.from(others))
    }

    const seeMore = (batch: ReadBatch<A>, reply: Reply<A>, others: ReadonlyArray<string>): void => {
      const some = others.slice(0, maxKeys)
      if (some.length === 0) conclude(batch, reply)
      else {
        redis.unsafeMget(
          () => some.map(markers.keys.tag),
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

    const fail = (batch: ReadBatch<A>, cause: Cause.Cause<RedisError>): void => {
      const failure = unanswered(Cause.map(cause, readFailureOf))
      answer(batch, () => () => failure)
    }

    const conclude = (batch: ReadBatch<A>, { entries, generation, tags, texts }: Reply<A>): void => {
      const clear = markerIn(texts[0])
      markers.noteClear(clear)
      const untagged: MarkerValues = { clear, tags: [] }
      const answerAt = (place: number, isUsable: boolean, serverTime: number): TierResult<A> => {
        if (!isUsable) return unanswered(Cause.fail(guard.failureOf(batch.keys[place] ?? "")))
        const entry = entries[place]
        const text = texts[place + textsBefore]
        if (entry === undefined) {
          const createdAt = text === undefined ? 0 : CacheEntry.createdAtOf(text)
          return { _tag: "Found", entry, createdAt, text, trusted: false, serverTime }
        }
        const seen = entry.tags.length === 0 ? untagged : { clear, tags: entry.tags.map((tag) => tags.get(tag)) }
        const trusted = guard.isTrusted(entry.createdAt, entry.tags, seen, batch.tagsAcknowledged)
        return { _tag: "Found", entry, createdAt: entry.createdAt, text, trusted, serverTime }
      }
      answer(batch, () => {
        const isUsable = guard.isUsable(generation)
        const serverTime = MonotonicClock.unsafeMillis(clock) + redis.clockOffsetMillis()
        return (place) => answerAt(place, isUsable, serverTime)
      })
    }

    const leave = (batch: ReadBatch<A>): ReadonlyArray<string> => {
      endGathering(batch)
      if (knownTags === undefined) return [markers.keys.clear, ...batch.keys]
      const tags = new Set<string>()
      for (const key of batch.keys) {
        if (tags.size < maxKeys) for (const tag of knownTags.get(key) ?? []) tags.add(tag)
      }
      batch.tags = Array.from(tags)
      return [markers.keys.clear, ...batch.keys, ...batch.tags.map(markers.keys.tag)]
    }

    const begin = () => new ReadBatch<A>(clock.unsafeCurrentTimeNanos(), guard.tagsAcknowledged())

    const send = (batch: ReadBatch<A>): void => {
      open.add(batch)
      redis.unsafeMget(
        () => leave(batch),
        (exit) => {
          latency.note(millisBetween(batch.asked, clock.unsafeCurrentTimeNanos()), batch.keys.length)
          if (Exit.isFailure(exit)) fail(batch, exit.cause)
          else received(batch, exit.value.generation, exit.value.value)
        }
      )
    }

    const ask: RedisTier<A>["ask"] = (key, asker, number) => {
      if (isClosed) return asker.onResult(closed, number)
      if (!guard.mayRead(key.text)) {
        return asker.onResult(unanswered(Cause.fail(guard.failureOf(key.text))), number)
      }
      gathering ??= new PendingReads()
      const begun = gathering.join(key, asker, number, begin)
      if (begun !== undefined) send(begun)
    }

    return {
      ask,
      read: (key) => Callback.makeInTurn((resume) => ask(key, new One(resume), 0)),
      readMany: (keys) =>
        keys.length === 0
          ? Effect.succeed([])
          : Callback.makeInTurn((resume) => {
              const asker = new Several<A>(keys.length, resume)
              let number = 0
              for (const key of keys) ask(key, asker, number++)
            })
    }
  })
