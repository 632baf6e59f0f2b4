/**
 * The in-process tier: decoded values, bounded by number and by size, each for a short time of its own.
 *
 * @since 0.1.0
 */
import { LRUCache } from "lru-cache"
import type { CacheEntry } from "./CacheEntry.js"
import type { OutboxItem } from "./Outbox.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalTierOptions {
  /** the most entries */
  readonly capacity: number
  /** the most bytes of stored text (UTF-8) in all; unlimited when absent */
  readonly maxBytes?: number | undefined
}

/**
 * All operations are synchronous. Times are milliseconds of the same clock, given by the caller.
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalTier<A> {
  readonly get: (key: string, now: number) => CacheEntry<A> | undefined
  /** `bytes` of its stored text, which count where `maxBytes` was given */
  readonly set: (key: string, entry: CacheEntry<A>, expires: number, bytes: number) => void
  /** Drops a key, what has a tag, or everything. */
  readonly drop: (item: OutboxItem) => void
  readonly size: () => number
  /** entries that gave way to others since the start */
  readonly evictions: () => number
}

interface Held<A> {
  readonly entry: CacheEntry<A>
  readonly expires: number
}

/**
 * A tier over lru-cache, whose own clock is not used: expiry is compared here, so that it follows the caller's. When that
 * clock is set back, the tier is dropped: its entries would live longer by as much.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: LocalTierOptions): LocalTier<A> => {
  let evictions = 0
  let latest = Number.NEGATIVE_INFINITY
  const keysOf = new Map<string, Set<string>>()
  const enlist = (key: string, { tags }: CacheEntry<A>) => {
    for (const tag of tags) {
      const keys = keysOf.get(tag)
      if (keys === undefined) keysOf.set(tag, new Set([key]))
      else keys.add(key)
    }
  }
  const strike = (key: string, { tags }: CacheEntry<A>) => {
    for (const tag of tags) {
      const keys = keysOf.get(tag)
      keys?.delete(key)
      if (keys?.size === 0) keysOf.delete(tag)
    }
  }
  const cache = new LRUCache<string, Held<A>>({
    max: options.capacity,
    ...(options.maxBytes === undefined ? {} : { maxSize: options.maxBytes }),
    dispose: ({ entry }, key, reason) => {
      if (reason === "evict") evictions++
      strike(key, entry)
    }
  })
  return {
    get: (key, now) => {
      if (now < latest) cache.clear()
      latest = now
      const held = cache.get(key)
      if (held === undefined) return undefined
      if (now < held.expires) return held.entry
      cache.delete(key)
      return undefined
    },
    set: (key, entry, expires, bytes) => {
      // what is too large is not kept, and what was there before is gone all the same
      cache.set(key, { entry, expires }, options.maxBytes === undefined ? {} : { size: Math.max(1, bytes) })
      if (entry.tags.length > 0 && cache.has(key)) enlist(key, entry)
    },
    drop: (item) => {
      if (item._tag === "Key") cache.delete(item.key)
      else if (item._tag === "Tag") for (const key of [...(keysOf.get(item.tag) ?? [])]) cache.delete(key)
      else cache.clear()
    },
    size: () => cache.size,
    evictions: () => evictions
  }
}

/**
 * A tier that holds nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none = <A>(): LocalTier<A> => ({
  get: () => undefined,
  set: () => {},
  drop: () => {},
  size: () => 0,
  evictions: () => 0
})
