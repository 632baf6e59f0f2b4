/**
 * The in-process tier: decoded values, bounded by number and by size, each for a short time of its own.
 *
 * @since 0.1.0
 */
import { identity } from "effect/Function"
import * as Sieve from "../../internal/Sieve.js"
import type { CacheEntry } from "../entry/CacheEntry.js"
import type { OutboxItem } from "../invalidation/Outbox.js"

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
 * All operations are synchronous. Times are milliseconds of the same monotonic clock, given by the caller. Entries are kept by what
 * their keys are called in the process (see `CacheKey.names`); what is dropped is told by its key of Redis.
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalTier<A> {
  readonly get: (name: string, now: number) => CacheEntry<A> | undefined
  /** `bytes` of its stored text, which count where `maxBytes` was given */
  readonly set: (name: string, entry: CacheEntry<A>, expires: number, bytes: number) => void
  /** Drops a key, what has a tag, or everything. */
  readonly drop: (item: OutboxItem) => void
  readonly size: () => number
  /** entries that gave way to others since the start */
  readonly evictions: () => number
}

class Held<A> extends Sieve.Item {
  constructor(
    name: string,
    size: number,
    readonly entry: CacheEntry<A>,
    readonly expires: number
  ) {
    super(name, size)
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(options: LocalTierOptions, nameOf: (key: string) => string = identity): LocalTier<A> => {
  let evictions = 0
  const namesOf = new Map<string, Set<string>>()
  const held = new Sieve.Sieve<Held<A>>({
    capacity: options.capacity,
    maxSize: options.maxBytes,
    onRemoved: ({ entry, name }, isEvicted) => {
      if (isEvicted) evictions++
      for (const tag of entry.tags) {
        const names = namesOf.get(tag)
        names?.delete(name)
        if (names?.size === 0) namesOf.delete(tag)
      }
    }
  })
  return {
    get: (name, now) => {
      const found = held.get(name)
      if (found === undefined) return undefined
      if (now < found.expires) return found.entry
      held.delete(name)
      return undefined
    },
    set: (name, entry, expires, bytes) => {
      // what is too large is not kept, and what was there before is gone all the same
      if (!held.add(new Held(name, bytes, entry, expires))) return
      for (const tag of entry.tags) {
        const names = namesOf.get(tag)
        if (names === undefined) namesOf.set(tag, new Set([name]))
        else names.add(name)
      }
    },
    drop: (item) => {
      if (item._tag === "Key") held.delete(nameOf(item.key))
      else if (item._tag === "Tag") for (const name of [...(namesOf.get(item.tag) ?? [])]) held.delete(name)
      else held.clear()
    },
    size: () => held.count,
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
