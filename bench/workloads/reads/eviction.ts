import type * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import { LRUCache } from "lru-cache"
import { CacheKey } from "../../../src/cache/entry/CacheKey.js"
import * as LocalTier from "../../../src/cache/tiers/LocalTier.js"
import * as Sieve from "../../../src/internal/collection/Sieve.js"
import { type KeySequence, keySet, sequence, withScans } from "../../measure/Keys.js"
import { immediate, verify } from "../../measure/Measure.js"
import type { Quantity } from "../../report/Outcome.js"
import { idOf, listOf, type Profile, profileOf } from "../../subjects/Profile.js"
import { compared, type Workload } from "../Workload.js"

const keys = keySet(100_000, "Zipf")

/** a tenth of the keys */
const capacity = 10_000

/** longer than a run: nothing expires, but each hit of a cache with a time to live needs the time */
const timeToLiveMillis = 3_600_000

/** after so many reads of popular keys a scan reads as many others as the cache has room for, once each */
const betweenScans = 30_000

/** more than the cache has room for, so that none of them is still there when its turn comes again */
const scannedKeys = 100_000

const traces: ReadonlyArray<{ readonly name: string; readonly make: () => KeySequence }> = [
  { name: "Zipf", make: () => sequence(keys) },
  {
    name: "Zipf with scans",
    make: () =>
      withScans(sequence(keys), { every: betweenScans, length: capacity, from: keys.size, distinct: scannedKeys })
  }
]

const names = listOf(keys.size + scannedKeys, idOf)
const profiles = listOf(keys.size + scannedKeys, profileOf)

/** Makes an empty cache, and its read: a key that is not there is loaded and kept. */
type MakeRead = (load: (index: number) => Profile, clock: Clock.Clock) => (index: number) => Profile

const localTier: MakeRead = (load, clock) => {
  const cacheKeys = listOf(keys.size + scannedKeys, (index) => new CacheKey(names(index)))
  const tier = LocalTier.make<Profile>({
    capacity,
    timeToLiveMillis,
    clock,
    serverTime: () => 0,
    epochOf: () => 0,
    names: { ofText: identity },
    codec: { encode: () => Exit.die("nothing is measured in bytes") }
  })
  return (index) => {
    const found = tier.get(names(index))
    if (found !== undefined) return found.value
    const key = cacheKeys(index)
    const started = tier.start(key)
    const value = load(index)
    tier.keep(key, { value, createdAt: 0, timeToLive: timeToLiveMillis, tags: [], versionTag: undefined }, started, "")
    return value
  }
}

class Kept implements Sieve.Item {
  visited = false
  readonly size = 1
  constructor(readonly profile: Profile) {}
}

/** What the tier evicts by, without the tier: nothing expires, so that a hit reads no clock. */
const sieveAlone: MakeRead = (load) => {
  const sieve = new Sieve.Sieve<Kept>({ capacity, onRemoved: () => {} })
  return (index) => {
    const found = sieve.get(names(index))
    if (found !== undefined) return found.profile
    const value = load(index)
    sieve.add(names(index), new Kept(value))
    return value
  }
}

const lruCache =
  (options: { readonly ttl?: number }): MakeRead =>
  (load) => {
    const lru = new LRUCache<string, Profile>({ max: capacity, ...options })
    return (index) => {
      const found = lru.get(names(index))
      if (found !== undefined) return found
      const value = load(index)
      lru.set(names(index), value)
      return value
    }
  }

/** The shortest LRU: a hit moves its key to the end of the map. */
const plainLru: MakeRead = (load) => {
  const map = new Map<string, Profile>()
  return (index) => {
    const name = names(index)
    const found = map.get(name)
    if (found !== undefined) {
      map.delete(name)
      map.set(name, found)
      return found
    }
    if (map.size >= capacity) for (const oldest of map.keys()) if (map.delete(oldest)) break
    const value = load(index)
    map.set(name, value)
    return value
  }
}

const caches: ReadonlyArray<{ readonly name: string; readonly make: MakeRead }> = [
  { name: "toolkit, local tier", make: localTier },
  { name: "toolkit, SIEVE alone", make: sieveAlone },
  { name: "lru-cache, time to live", make: lruCache({ ttl: timeToLiveMillis }) },
  { name: "lru-cache", make: lruCache({}) },
  { name: "LRU by a Map", make: plainLru }
]

const countedReads = 400_000

/** The part of the reads that hit, in per cent, once the cache is full. */
const hitRatio = (make: MakeRead, clock: Clock.Clock, trace: KeySequence): number => {
  let misses = 0
  const read = make((index) => {
    misses++
    return profiles(index)
  }, clock)
  for (let i = 0; i < countedReads; i++) read(trace.next())
  misses = 0
  for (let i = 0; i < countedReads; i++) read(trace.next())
  return Math.round(1_000 * (1 - misses / countedReads)) / 10
}

export const eviction: Workload = {
  name: "eviction",
  description: `Reads of the tier in the process, which has room for a tenth of the keys and evicts by SIEVE, beside caches that evict by LRU. A key that is not there is kept, without a lookup. In the second trace a scan of ${capacity.toLocaleString("en-US")} other keys, once each, follows each ${betweenScans.toLocaleString("en-US")} reads.`,
  run: (plan) =>
    Effect.forEach(traces, (trace) =>
      Effect.gen(function* () {
        const clock = yield* Effect.clock
        const workload = `eviction (${trace.name})`
        const quantities = caches.map(
          ({ make, name }): Quantity => ({
            workload,
            subject: name,
            what: "reads that hit",
            value: hitRatio(make, clock, trace.make()),
            unit: "%"
          })
        )
        yield* Console.log(`  hits: ${quantities.map(({ subject, value }) => `${subject} ${value} %`).join(", ")}`)
        const subjects = caches.map(({ make, name }) => immediate(name, make(profiles, clock)))
        yield* verify(workload, subjects, [0, 1, 999, 0], profileOf)
        const results = yield* compared(workload, subjects, {
          // longer rounds, so that each holds several scans
          ...plan.ofTargets,
          concurrency: 1,
          clockEvery: 256,
          keys: trace.make()
        })
        return { results, quantities }
      })
    ).pipe(
      Effect.map((outcomes) => ({
        results: outcomes.flatMap(({ results }) => results),
        quantities: outcomes.flatMap(({ quantities }) => quantities)
      }))
    )
}
