/**
 * Keeps decoded entries in this process: bounded by number and by size, each for at most the tier's time to live.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Sieve from "../../internal/collection/Sieve.js"
import * as Eager from "../../internal/effect/Eager.js"
import * as MonotonicClock from "../../internal/MonotonicClock.js"
import { type Attributes, ageAt, type CacheEntry, type Content } from "../entry/CacheEntry.js"
import type { CacheKey, Names } from "../entry/CacheKey.js"
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
  /** how long an entry is served at most, in milliseconds */
  readonly timeToLiveMillis: number
  readonly clock: Clock.Clock
  /** the server's time, in milliseconds */
  readonly serverTime: () => number
  /** the epoch of a key of Redis */
  readonly epochOf: (key: string) => number
  readonly names: Pick<Names<never>, "ofText">
  /** measures entries whose stored text is not known */
  readonly codec: {
    readonly encode: (key: string, value: A, attributes: Attributes) => Effect.Effect<Pick<Content, "text">, unknown>
  }
  /** how long an entry is held past its time, in milliseconds: default not at all */
  readonly heldMillis?: ((value: A) => number) | undefined
  /** no tier stands behind it: what a read finds is there already, and is not kept again */
  readonly isAlone?: boolean | undefined
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
  /** Like `keep`, for an entry whose stored text is perhaps not known: at once where the answer is an `Exit`. */
  readonly keepLoaded: (
    key: CacheKey,
    entry: CacheEntry<A>,
    started: Started,
    text: string | undefined
  ) => Effect.Effect<void>
  /**
   * The entry under a name, also past its time until it has been remembered for long enough: for a load that can neither reach Redis
   * nor look the value up, and for a cache of one process.
   */
  readonly remembered: (name: string) => CacheEntry<A> | undefined
  /** Like `keep`, for an entry that Redis has not stored: `get` does not answer it, `remembered` does. */
  readonly remember: (key: CacheKey, entry: CacheEntry<A>, started: Started, text: string) => void
  /** Drops a key, the entries with a tag, or all entries. */
  readonly drop: (item: OutboxItem) => void
  readonly size: () => number
  /** the stored text of all entries: UTF-8 bytes where `maxBytes` is set, UTF-16 units elsewhere */
  readonly bytes: () => number
  /** entries evicted since the start */
  readonly evictions: () => number
}

const noTags: ReadonlyArray<string> = []

/**
 * An entry of the tier. Six fields fit into 64 bytes, one line of the processor's cache. So attributes that few entries have
 * are in another class.
 */
class LocalEntry<A> implements CacheEntry<A>, Sieve.Item {
  visited = false

  constructor(
    readonly value: A,
    readonly createdAt: number,
    readonly timeToLive: number,
    /** by the monotonic clock, in milliseconds */
    readonly expires: number,
    readonly size: number
  ) {}

  get tags(): ReadonlyArray<string> {
    return noTags
  }

  get versionTag(): undefined {
    return undefined
  }
}

/** A `LocalEntry` with attributes. It does not extend it: the fields of a subclass would be in a second object. */
class AttributedEntry<A> implements CacheEntry<A>, Sieve.Item {
  visited = false

  constructor(
    readonly value: A,
    readonly createdAt: number,
    readonly timeToLive: number,
    readonly expires: number,
    readonly size: number,
    readonly tags: ReadonlyArray<string>,
    readonly versionTag: string | undefined
  ) {}
}

type Kept<A> = LocalEntry<A> | AttributedEntry<A>

const kept = <A>(
  { createdAt, tags, timeToLive, value, versionTag }: CacheEntry<A>,
  expires: number,
  size: number
): Kept<A> =>
  tags.length === 0 && versionTag === undefined
    ? new LocalEntry(value, createdAt, timeToLive, expires, size)
    : new AttributedEntry(value, createdAt, timeToLive, expires, size, tags, versionTag)

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(setup: LocalTierSetup<A>): LocalTier<A> => {
  const { clock, codec, epochOf, heldMillis, maxBytes, names, serverTime, timeToLiveMillis } = setup
  let evictions = 0
  const namesByTag = new Map<string, Set<string>>()
  const entries = new Sieve.Sieve<Kept<A>>({
    capacity: setup.capacity,
    maxSize: maxBytes,
    onRemoved: (name, { tags }, isEvicted) => {
      if (isEvicted) evictions++
      for (const tag of tags) {
        const tagged = namesByTag.get(tag)
        tagged?.delete(name)
        if (tagged?.size === 0) namesByTag.delete(tag)
      }
    }
  })

  const add = (key: CacheKey, entry: CacheEntry<A>, started: Started, bytes: number): void => {
    const now = MonotonicClock.unsafeMillis(clock)
    const left = entry.timeToLive - ageAt(entry, serverTime())
    addUntil(Math.min(started.at + timeToLiveMillis, now + left), key, entry, started, bytes)
  }

  const addUntil = (expires: number, key: CacheKey, entry: CacheEntry<A>, started: Started, bytes: number): void => {
    if (epochOf(key.text) !== started.epoch) return
    // an entry that is too large is not added, and the one that it replaces is gone all the same
    if (!entries.add(key.name, kept(entry, expires, bytes))) return
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
      const entry = entries.get(name)
      if (entry === undefined) return undefined
      const now = MonotonicClock.unsafeMillis(clock)
      if (now < entry.expires) return entry
      if (heldMillis === undefined || now >= entry.expires + heldMillis(entry.value)) entries.delete(name)
      return undefined
    },
    remembered: (name) => {
      const entry = heldMillis === undefined ? undefined : entries.get(name)
      if (entry === undefined) return undefined
      const held = heldMillis?.(entry.value) ?? 0
      return MonotonicClock.unsafeMillis(clock) < entry.expires + held ? entry : undefined
    },
    remember: (key, entry, started, text) => {
      if (heldMillis !== undefined) addUntil(started.at, key, entry, started, bytesOf(text))
    },
    start: ({ text }) => ({ at: MonotonicClock.unsafeMillis(clock), epoch: epochOf(text) }),
    keep: setup.isAlone === true ? () => {} : (key, entry, started, text) => add(key, entry, started, bytesOf(text)),
    keepLoaded: (key, entry, started, text) => {
      if (maxBytes === undefined || text !== undefined) {
        add(key, entry, started, bytesOf(text ?? ""))
        return Exit.void
      }
      const addMeasured = Exit.match({
        // too large: the entry cannot be measured, and replaces the one that is kept
        onFailure: () => add(key, entry, started, maxBytes + 1),
        onSuccess: ({ text }: Pick<Content, "text">) => add(key, entry, started, Buffer.byteLength(text))
      })
      const encoded = codec.encode(key.text, entry.value, entry)
      if (!Eager.isExit(encoded)) return Effect.map(Effect.exit(encoded), addMeasured)
      addMeasured(encoded)
      return Exit.void
    },
    drop: (item) => {
      if (item._tag === "Key") entries.delete(names.ofText(item.key))
      else if (item._tag === "Tag") for (const name of [...(namesByTag.get(item.tag) ?? [])]) entries.delete(name)
      else entries.clear()
    },
    size: () => entries.count,
    bytes: () => entries.size,
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
  remembered: () => undefined,
  remember: () => {},
  drop: () => {},
  size: () => 0,
  bytes: () => 0,
  evictions: () => 0
})
