/**
 * Keeps decoded entries in this process: bounded by number and by size, each for at most the tier's time to live.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Sieve from "../../internal/collection/Sieve.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { ageAt, type CacheEntry } from "../entry/CacheEntry.js"
import type { CacheKey, Names } from "../entry/CacheKey.js"
import type { EntryCodec } from "../entry/EntryCodec.js"
import type { OutboxItem } from "../invalidation/outage/Outbox.js"
import type { Started } from "./TierRead.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalTierOptions {
  /** the most entries */
  readonly capacity: number
  /** the most bytes of stored text (UTF-8) of all entries: default unlimited */
  readonly maxBytes?: number | undefined
}

/**
 * What the tier needs from the cache that it belongs to.
 *
 * @since 0.2.0
 * @category models
 */
export interface LocalTierSetup<A> extends LocalTierOptions {
  /** how long an entry is kept at most, in milliseconds */
  readonly timeToLiveMillis: number
  readonly clock: Clock.Clock
  /** the server's time, in milliseconds */
  readonly serverTime: () => number
  /** the epoch of a key of Redis */
  readonly epochOf: (key: string) => number
  readonly names: Pick<Names<never>, "ofText">
  /** measures entries whose stored text is not known */
  readonly codec: Pick<EntryCodec<A>, "encode">
}

/**
 * Entries are kept under the names of their keys (see `CacheKey.Names`).
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalTier<A> {
  /** whether entries are kept at all */
  readonly isEnabled: boolean
  readonly get: (name: string) => CacheEntry<A> | undefined
  /** The start of a read or a load of a key, for `keep`. */
  readonly start: (key: CacheKey) => Started
  /**
   * Keeps an entry that was read, until the tier's time to live has passed since the start, or the entry expires. It is not
   * kept when its key was invalidated since the start.
   */
  readonly keep: (key: CacheKey, entry: CacheEntry<A>, started: Started, text: string) => void
  /** Like `keep`, for an entry whose stored text is perhaps not known. */
  readonly keepLoaded: (
    key: CacheKey,
    entry: CacheEntry<A>,
    started: Started,
    text: string | undefined
  ) => Effect.Effect<void>
  /** Drops a key, the entries with a tag, or all entries. */
  readonly drop: (item: OutboxItem) => void
  readonly size: () => number
  /** the stored text of all entries: UTF-8 bytes where `maxBytes` is set, UTF-16 units elsewhere */
  readonly bytes: () => number
  /** entries evicted since the start */
  readonly evictions: () => number
}

class LocalItem<A> extends Sieve.Item {
  constructor(
    name: string,
    size: number,
    readonly entry: CacheEntry<A>,
    /** by the monotonic clock, in milliseconds */
    readonly expires: number
  ) {
    super(name, size)
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(setup: LocalTierSetup<A>): LocalTier<A> => {
  const { clock, codec, epochOf, maxBytes, names, serverTime, timeToLiveMillis } = setup
  let evictions = 0
  const namesByTag = new Map<string, Set<string>>()
  const items = new Sieve.Sieve<LocalItem<A>>({
    capacity: setup.capacity,
    maxSize: maxBytes,
    onRemoved: ({ entry, name }, isEvicted) => {
      if (isEvicted) evictions++
      for (const tag of entry.tags) {
        const tagged = namesByTag.get(tag)
        tagged?.delete(name)
        if (tagged?.size === 0) namesByTag.delete(tag)
      }
    }
  })

  const add = (key: CacheKey, entry: CacheEntry<A>, started: Started, bytes: number): void => {
    const now = MonotonicClock.unsafeMillis(clock)
    if (epochOf(key.text) !== started.epoch) return
    const left = entry.timeToLive - ageAt(entry, serverTime())
    const expires = Math.min(started.at + timeToLiveMillis, now + left)
    // an entry that is too large is not added, and the one that it replaces is gone all the same
    if (!items.add(new LocalItem(key.name, bytes, entry, expires))) return
    for (const tag of entry.tags) {
      const tagged = namesByTag.get(tag)
      if (tagged === undefined) namesByTag.set(tag, new Set([key.name]))
      else tagged.add(key.name)
    }
  }

  // without a bound the exact size is worth no pass over the text
  const bytesOf = (text: string): number => (maxBytes === undefined ? text.length : Buffer.byteLength(text))

  return {
    isEnabled: true,
    get: (name) => {
      const item = items.get(name)
      if (item === undefined) return undefined
      if (MonotonicClock.unsafeMillis(clock) < item.expires) return item.entry
      items.delete(name)
      return undefined
    },
    start: ({ text }) => ({ at: MonotonicClock.unsafeMillis(clock), epoch: epochOf(text) }),
    keep: (key, entry, started, text) => add(key, entry, started, bytesOf(text)),
    keepLoaded: (key, entry, started, text) =>
      Effect.suspend(() => {
        if (maxBytes === undefined || text !== undefined) {
          add(key, entry, started, bytesOf(text ?? ""))
          return Exit.void
        }
        const bytes = Effect.match(codec.encode(key.text, entry.value, entry), {
          // too large: the entry cannot be measured, and replaces the one that is kept
          onFailure: () => maxBytes + 1,
          onSuccess: (content) => Buffer.byteLength(content.text)
        })
        return Effect.map(bytes, (bytes) => add(key, entry, started, bytes))
      }),
    drop: (item) => {
      if (item._tag === "Key") items.delete(names.ofText(item.key))
      else if (item._tag === "Tag") for (const name of [...(namesByTag.get(item.tag) ?? [])]) items.delete(name)
      else items.clear()
    },
    size: () => items.count,
    bytes: () => items.size,
    evictions: () => evictions
  }
}

/** The start of a read that nothing is kept of. */
const notKept: Started = { at: 0, epoch: 0 }

/**
 * A tier that keeps nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none = <A>(): LocalTier<A> => ({
  isEnabled: false,
  get: () => undefined,
  start: () => notKept,
  keep: () => {},
  keepLoaded: () => Exit.void,
  drop: () => {},
  size: () => 0,
  bytes: () => 0,
  evictions: () => 0
})
