/**
 * Reads entries from Redis (rules 1, 2 and 12 of docs/protocol.md). Reads of one moment share a command, with each key once
 * and the cache's markers. An entry is trusted only if neither markers nor this process know of its invalidation.
 *
 * A read calls a listener instead of suspending a fiber. Its caller suspends once, for the mapped value: a suspension costs
 * as much as the rest of a read.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { LRUCache } from "lru-cache"
import { type LatencyHistogram, millisBetween } from "../../internal/collection/LatencyHistogram.js"
import * as Callback from "../../internal/effect/Callback.js"
import type { RedisClient } from "../../redis/RedisClient.js"
import { type RedisError, RedisUnavailable } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import * as CacheEntry from "../entry/CacheEntry.js"
import type { CacheServers } from "../invalidation/CacheServers.js"
import { bothReplies, type MarkerValues, type ReadMarkers } from "../invalidation/Markers.js"
import { type ReadFailure, readFailureOf } from "../invalidation/outage/ReadFailure.js"
import type { ReadGuard } from "../invalidation/ReadGuard.js"
import { markerOf } from "../scripts/MarkerScripts.js"
import { maxKeys, PendingReads, ReadBatch } from "./PendingReads.js"
import * as StoredTexts from "./StoredTexts.js"
import type { Found, ReadListener, TierResult, ValueTier } from "./TierRead.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisTierOptions<A> extends Omit<StoredTexts.StoredTextsOptions<A>, "fork"> {
  readonly redis: RedisClient.Service
  readonly servers: CacheServers
  readonly guard: ReadGuard
  readonly markers: ReadMarkers
  /** whether entries have tags */
  readonly isTagged: boolean
  readonly latency: LatencyHistogram
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisTier<A> extends ValueTier<A> {}

/** The parts in which the callers of a large reply resume, and the fewest callers of a part. */
const parts = 4
const leastPart = 8

/** Resumes one caller with one result. */
class SingleRead<A> implements ReadListener<A> {
  constructor(readonly resume: (exit: Exit.Exit<Found<A>, ReadFailure>) => void) {}

  onResult(result: TierResult<A>): void {
    this.resume(result._tag === "Found" ? Exit.succeed(result) : Exit.failCause(result.cause))
  }
}

/** Resumes one caller when all of its results are there. */
class ManyReads<A> implements ReadListener<A> {
  private readonly results: Array<TierResult<A>> = []

  constructor(
    private missing: number,
    private readonly resume: (exit: Exit.Exit<ReadonlyArray<TierResult<A>>>) => void
  ) {}

  onResult(result: TierResult<A>, number: number): void {
    this.results[number] = result
    this.missing--
    if (this.missing === 0) this.resume(Exit.succeed(this.results))
  }
}

/** The texts of the reply to a batch, with the connections that they came by. */
interface BatchTexts {
  readonly generation: number
  readonly markerGeneration: number
  /** the clear marker, the texts of the keys, and the markers of the batch's tags */
  readonly texts: ReadonlyArray<string | undefined>
}

/** The reply to a batch. */
interface BatchReply<A> extends BatchTexts {
  /** the entries that decode, at the places of their keys */
  readonly entries: ReadonlyArray<CacheEntry.CacheEntry<A> | undefined>
  readonly tags: Map<string, number | undefined>
}

/** the texts of a reply before those of the keys */
const textsBefore = 1

const markerIn = (text: string | undefined): number | undefined => (text === undefined ? undefined : markerOf(text))

/** The keys whose tags are known from their last read, at most. */
const maxKnownTags = 10_000

/**
 * The markers of a key's tags are read in the same command if its last read made the tags known, else in a second one. A
 * marker that is read after the value can only be newer, and so makes no invalid entry valid.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: RedisTierOptions<A>): Effect.Effect<RedisTier<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { guard, latency, markers, redis, servers } = options
    const clock = yield* Effect.clock
    const executor = RedisExecutor.of(redis)
    const failed = (cause: Cause.Cause<ReadFailure>): TierResult<A> => ({ _tag: "Failed", cause })
    const closed = failed(Cause.fail(readFailureOf(new RedisUnavailable({ reason: "Disabled" }))))
    const knownTags = options.isTagged ? new LRUCache<string, ReadonlyArray<string>>({ max: maxKnownTags }) : undefined
    /** the batches without a result */
    const open = new Set<ReadBatch<A>>()
    /** the reads that others may still join, of each server */
    const pending = new Map<number, PendingReads<A>>()
    let isClosed = false

    const fork = yield* FiberSet.makeRuntime<never>()
    const decode = StoredTexts.make({ ...options, fork })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
        for (const batch of open) batch.deliver(batch.size, () => closed)
      })
    )

    /** From now on no read joins the batch, nor those that were started with it. */
    const closePending = (batch: ReadBatch<A>): void => {
      if (pending.get(batch.server)?.batches.includes(batch)) pending.delete(batch.server)
    }

    /**
     * Resumes the callers of a batch. While no other batch is open, hits resume in parts: Redis then works on the next reads
     * of the first part while the others resume. Each part calls `results` anew, so that it sees the latest invalidations.
     */
    const deliver = (batch: ReadBatch<A>, results: () => (place: number) => TierResult<A>): void => {
      open.delete(batch)
      closePending(batch)
      const part = open.size > 0 ? batch.size : Math.max(leastPart, Math.ceil(batch.size / parts))
      const deliverPart = () => {
        if (batch.deliver(part, results())) setImmediate(deliverPart)
      }
      deliverPart()
    }

    const received = (batch: ReadBatch<A>, read: BatchTexts): void => {
      const { texts } = read
      const tags = new Map<string, number | undefined>()
      const firstTag = textsBefore + batch.keys.length
      for (const [i, tag] of batch.tags.entries()) tags.set(tag, markerIn(texts[firstTag + i]))
      decode(
        batch.keys,
        (place) => texts[textsBefore + place],
        (entries) => {
          const reply = { ...read, entries, tags }
          readMarkers(batch, reply, unreadTags(batch, reply))
        }
      )
    }

    /** The tags of the reply's entries whose markers were not read with them. */
    const unreadTags = (batch: ReadBatch<A>, { entries, tags }: BatchReply<A>): ReadonlyArray<string> => {
      if (knownTags === undefined) return []
      const unread = new Set<string>()
      for (const [place, entry] of entries.entries()) {
        if (entry === undefined || entry.tags.length === 0) continue
        knownTags.set(batch.keys[place] ?? "", entry.tags)
        for (const tag of entry.tags) if (!tags.has(tag)) unread.add(tag)
      }
      return Array.from(unread)
    }

    /** Reads the markers of more tags, then completes the batch. */
    const readMarkers = (batch: ReadBatch<A>, reply: BatchReply<A>, tags: ReadonlyArray<string>): void => {
      if (tags.length === 0) {
        complete(batch, reply)
        return
      }
      const some = tags.slice(0, maxKeys)
      RedisExecutor.unsafeReadTexts(
        executor,
        () => some.map(markers.keys.tag),
        (exit) => {
          if (Exit.isFailure(exit)) return fail(batch, exit.cause)
          const { generation, value } = exit.value
          // the markers of another connection may be those of another server, and say nothing of these values
          if (generation === reply.markerGeneration) {
            for (const [i, tag] of some.entries()) reply.tags.set(tag, markerIn(value[i]))
          }
          readMarkers(batch, reply, tags.slice(maxKeys))
        }
      )
    }

    const fail = (batch: ReadBatch<A>, cause: Cause.Cause<RedisError>): void => {
      const failure = failed(Cause.map(cause, readFailureOf))
      deliver(batch, () => () => failure)
    }

    const complete = (
      batch: ReadBatch<A>,
      { entries, generation, markerGeneration, tags, texts }: BatchReply<A>
    ): void => {
      const clear = markerIn(texts[0])
      markers.noteClear(clear)
      const untagged: MarkerValues = { clear, tags: [] }
      const resultAt = (place: number, areMarkersUsable: boolean, serverTime: number): TierResult<A> => {
        const key = batch.keys[place] ?? ""
        if (!areMarkersUsable || !guard.isUsable(generation, key)) return failed(Cause.fail(guard.failureOf(key)))
        const entry = entries[place]
        const text = texts[textsBefore + place]
        if (entry === undefined) {
          const createdAt = text === undefined ? 0 : CacheEntry.createdAtOf(text)
          return { _tag: "Found", entry, createdAt, text, trusted: false, serverTime }
        }
        const values = entry.tags.length === 0 ? untagged : { clear, tags: entry.tags.map((tag) => tags.get(tag)) }
        const trusted = guard.isTrusted(entry.createdAt, entry.tags, values, batch.tagsAcknowledged, key)
        return { _tag: "Found", entry, createdAt: entry.createdAt, text, trusted, serverTime }
      }
      deliver(batch, () => {
        const areMarkersUsable = guard.areMarkersUsable(markerGeneration)
        const serverTime = servers.time()
        return (place) => resultAt(place, areMarkersUsable, serverTime)
      })
    }

    /** Notes the tags whose markers are read with a batch, at the moment when it is sent: until then reads may join it. */
    const closeBatch = (batch: ReadBatch<A>): void => {
      closePending(batch)
      if (knownTags === undefined) return
      const tags = new Set<string>()
      for (const key of batch.keys) {
        if (tags.size < maxKeys) for (const tag of knownTags.get(key) ?? []) tags.add(tag)
      }
      batch.tags = Array.from(tags)
    }

    const markerKeysOf = (batch: ReadBatch<A>): ReadonlyArray<string> => batch.tags.map(markers.keys.tag)

    const startBatch = (server: number) => () =>
      new ReadBatch<A>(clock.unsafeCurrentTimeNanos(), guard.tagsAcknowledged(), server)

    /** Reads entries and markers by one command. */
    const readTogether = (batch: ReadBatch<A>, onTexts: (exit: Exit.Exit<BatchTexts, RedisError>) => void): void =>
      RedisExecutor.unsafeReadTexts(
        executor,
        () => {
          closeBatch(batch)
          const first = [markers.keys.clear, ...batch.keys]
          return batch.tags.length === 0 ? first : [...first, ...markerKeysOf(batch)]
        },
        (exit) =>
          onTexts(
            Exit.isFailure(exit)
              ? Exit.failCause(exit.cause)
              : Exit.succeed({
                  generation: exit.value.generation,
                  markerGeneration: exit.value.generation,
                  texts: exit.value.value
                })
          )
      )

    /** Reads entries and markers in the same turn from two servers. The entries come first, and close the batch. */
    const readApart = (batch: ReadBatch<A>, onTexts: (exit: Exit.Exit<BatchTexts, RedisError>) => void): void => {
      const readEntries = (onReply: RedisExecutor.OnReply<ReadonlyArray<string | undefined>>) =>
        RedisExecutor.unsafeReadTexts(
          executor,
          () => {
            closeBatch(batch)
            return batch.keys
          },
          onReply
        )
      const readMarkers = (onReply: RedisExecutor.OnReply<ReadonlyArray<string | undefined>>) =>
        RedisExecutor.unsafeReadTexts(executor, () => [markers.keys.clear, ...markerKeysOf(batch)], onReply)
      bothReplies(readEntries, readMarkers, (exit) =>
        onTexts(
          Exit.map(exit, ([entries, found]) => ({
            generation: entries.generation,
            markerGeneration: found.generation,
            texts: [...found.value.slice(0, textsBefore), ...entries.value, ...found.value.slice(textsBefore)]
          }))
        )
      )
    }

    const send = (batch: ReadBatch<A>): void => {
      open.add(batch)
      const read = servers.isSplit ? readApart : readTogether
      read(batch, (exit) => {
        latency.note(millisBetween(batch.requestedAt, clock.unsafeCurrentTimeNanos()), batch.keys.length)
        if (Exit.isFailure(exit)) fail(batch, exit.cause)
        else received(batch, exit.value)
      })
    }

    const readTo: RedisTier<A>["readTo"] = (key, listener, number) => {
      if (isClosed) return listener.onResult(closed, number)
      if (!guard.mayRead(key.text)) {
        return listener.onResult(failed(Cause.fail(guard.failureOf(key.text))), number)
      }
      const server = servers.numberOf(key.text)
      let reads = pending.get(server)
      if (reads === undefined) {
        reads = new PendingReads()
        pending.set(server, reads)
      }
      const started = reads.join(key, listener, number, startBatch(server))
      if (started !== undefined) send(started)
    }

    return {
      readTo,
      read: (key) => Callback.makeInTurn((resume) => readTo(key, new SingleRead(resume), 0)),
      readMany: (keys) =>
        keys.length === 0
          ? Effect.succeed([])
          : Callback.makeInTurn((resume) => {
              const listener = new ManyReads<A>(keys.length, resume)
              let number = 0
              for (const key of keys) readTo(key, listener, number++)
            })
    }
  })
