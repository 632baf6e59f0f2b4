/**
 * The keys of a database with their values and expiry, bounded in number. Persistent: every change is a new store that
 * shares what did not change, in time logarithmic in the number of keys.
 *
 * @since 0.1.0
 */
import * as Hash from "effect/Hash"
import * as HashMap from "effect/HashMap"
import type * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as OrderedSet from "./OrderedSet.js"
import type { SortedSet } from "./SortedSet.js"

/**
 * What a key holds: a byte string, or one of the structures.
 *
 * @since 0.1.0
 * @category models
 */
export type Value =
  | string
  | SortedSet
  | { readonly _tag: "Hash"; readonly fields: HashMap.HashMap<string, string> }
  | { readonly _tag: "Set"; readonly members: HashSet.HashSet<string> }

/**
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  readonly value: Value
  /** milliseconds since the epoch; infinite for a key that never expires */
  readonly expiresAt: number
  /** the number of the last use that counted */
  readonly usedAt: number
}

interface Expiry {
  readonly at: number
  readonly key: string
}

interface Use {
  readonly at: number
  readonly key: string
}

interface Slot {
  readonly hash: number
  readonly key: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Store {
  readonly maxKeys: number
  readonly entries: HashMap.HashMap<string, Entry>
  /** the keys that expire, soonest first */
  readonly expiries: OrderedSet.OrderedSet<Expiry, Expiry>
  /** milliseconds since the epoch; infinite when no key expires */
  readonly nextExpiry: number
  /** the keys, least recently used first */
  readonly uses: OrderedSet.OrderedSet<{ readonly at: number }, Use>
  readonly useCount: number
  /** the keys in an order that no write changes, which is what a SCAN walks along */
  readonly slots: OrderedSet.OrderedSet<Slot, Slot>
}

const byNumber = (self: number, that: number): -1 | 0 | 1 => (self < that ? -1 : self > that ? 1 : 0)
const byKey = (self: string, that: string): -1 | 0 | 1 => (self === that ? 0 : self < that ? -1 : 1)
const byExpiry = (self: Expiry, that: Expiry): -1 | 0 | 1 => byNumber(self.at, that.at) || byKey(self.key, that.key)
const byUse = (self: { readonly at: number }, that: { readonly at: number }): -1 | 0 | 1 => byNumber(self.at, that.at)
const bySlot = (self: Slot, that: Slot): -1 | 0 | 1 => byNumber(self.hash, that.hash) || byKey(self.key, that.key)

const slotOf = (key: string): Slot => ({ hash: Hash.string(key) >>> 0, key })

/**
 * A store that keeps at most `maxKeys` keys, at least one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (maxKeys: number): Store => ({
  maxKeys: Math.max(1, maxKeys),
  entries: HashMap.empty(),
  expiries: OrderedSet.empty(byExpiry),
  nextExpiry: Infinity,
  uses: OrderedSet.empty(byUse),
  useCount: 0,
  slots: OrderedSet.empty(bySlot)
})

const stored = (self: Store, key: string): Entry | undefined => Option.getOrUndefined(HashMap.get(self.entries, key))

/**
 * The entry of a key; undefined when there is none or its time has come.
 *
 * @since 0.1.0
 * @category getters
 */
export const lookup = (self: Store, key: string, now: number): Entry | undefined => {
  const entry = stored(self, key)
  return entry === undefined || entry.expiresAt <= now ? undefined : entry
}

/**
 * The number of keys that have not expired.
 *
 * @since 0.1.0
 * @category getters
 */
export const size = (self: Store, now: number): number =>
  HashMap.size(self.entries) - OrderedSet.countBefore(self.expiries, ({ at }) => at <= now)

/**
 * Stores a value until `expiresAt`. A new key beyond the bound takes the place of the one that was used least recently.
 *
 * @since 0.1.0
 * @category combinators
 */
export const set = (self: Store, key: string, value: Value, expiresAt: number, now: number): Store => {
  const previous = stored(self, key)
  const room = previous === undefined ? makeRoom(self, now) : self
  const usedAt = previous !== undefined && isRecent(self, previous) ? previous.usedAt : room.useCount
  return withExpiry(room, key, previous?.expiresAt ?? Infinity, expiresAt, {
    entries: HashMap.set(room.entries, key, { value, expiresAt, usedAt }),
    uses: moveUse(room.uses, key, previous?.usedAt, usedAt),
    useCount: Math.max(room.useCount, usedAt + 1),
    slots: previous === undefined ? OrderedSet.insert(room.slots, slotOf(key)) : room.slots
  })
}

/**
 * Removes a key.
 *
 * @since 0.1.0
 * @category combinators
 */
export const remove = (self: Store, key: string): Store => {
  const entry = stored(self, key)
  if (entry === undefined) return self
  return withExpiry(self, key, entry.expiresAt, Infinity, {
    entries: HashMap.remove(self.entries, key),
    uses: OrderedSet.remove(self.uses, { at: entry.usedAt }),
    useCount: self.useCount,
    slots: OrderedSet.remove(self.slots, slotOf(key))
  })
}

/**
 * Notes that a key was used. A key whose last use is among the latest `maxKeys / 8` uses is not noted again, so that reading
 * a busy key changes nothing. At least seven eighths of `maxKeys` uses of other keys lie between the last use of a key and
 * its eviction.
 *
 * @since 0.1.0
 * @category combinators
 */
export const touch = (self: Store, key: string, entry: Entry): Store => {
  if (isRecent(self, entry)) return self
  const usedAt = self.useCount
  return {
    ...self,
    entries: HashMap.set(self.entries, key, { ...entry, usedAt }),
    uses: moveUse(self.uses, key, entry.usedAt, usedAt),
    useCount: usedAt + 1
  }
}

const isRecent = (self: Store, entry: Entry): boolean => self.useCount - entry.usedAt <= Math.max(1, self.maxKeys / 8)

const moveUse = (uses: Store["uses"], key: string, from: number | undefined, to: number): Store["uses"] => {
  if (from === to) return uses
  const without = from === undefined ? uses : OrderedSet.remove(uses, { at: from })
  return OrderedSet.insert(without, { at: to, key })
}

const withExpiry = (
  self: Store,
  key: string,
  from: number,
  to: number,
  changes: Pick<Store, "entries" | "uses" | "useCount" | "slots">
): Store => {
  if (from === to) return { ...self, ...changes }
  const without = from === Infinity ? self.expiries : OrderedSet.remove(self.expiries, { at: from, key })
  const expiries = to === Infinity ? without : OrderedSet.insert(without, { at: to, key })
  return { ...self, ...changes, expiries, nextExpiry: OrderedSet.at(expiries, 0)?.at ?? Infinity }
}

const makeRoom = (self: Store, now: number): Store => {
  if (HashMap.size(self.entries) < self.maxKeys) return self
  const victim = self.nextExpiry <= now ? OrderedSet.at(self.expiries, 0) : OrderedSet.at(self.uses, 0)
  return victim === undefined ? self : remove(self, victim.key)
}

/**
 * How many expired keys one command removes at most: more than it can add, so that none stays for long. It is few, so that
 * no command pays for many keys that expired together.
 */
const sweepSize = 16

/**
 * Removes some of the expired keys.
 *
 * @since 0.1.0
 * @category combinators
 */
export const sweep = (self: Store, now: number): Store => {
  let store = self
  for (let swept = 0; swept < sweepSize && store.nextExpiry <= now; swept++) {
    const expired = OrderedSet.at(store.expiries, 0)
    if (expired !== undefined) store = remove(store, expired.key)
  }
  return store
}

/**
 * Keys from a cursor on, about `count` of them, and the cursor of the next ones; 0 begins and ends. A key that exists
 * from the first call to the last is returned, whatever happens to others meanwhile.
 *
 * @since 0.1.0
 * @category getters
 */
export const scan = (
  self: Store,
  cursor: number,
  count: number
): { readonly keys: ReadonlyArray<string>; readonly next: number } => {
  const start = OrderedSet.countBefore(self.slots, ({ hash }) => hash < cursor)
  const last = OrderedSet.at(self.slots, start + count - 1)
  // the cursor names a hash, so keys that share one are returned together
  const end =
    last === undefined
      ? OrderedSet.size(self.slots)
      : OrderedSet.countBefore(self.slots, ({ hash }) => hash <= last.hash)
  return {
    keys: OrderedSet.slice(self.slots, start, end).map(({ key }) => key),
    next: last === undefined || end === OrderedSet.size(self.slots) ? 0 : last.hash + 1
  }
}
