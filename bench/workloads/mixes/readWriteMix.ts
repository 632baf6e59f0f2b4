import * as Effect from "effect/Effect"
import type * as TypedCache from "../../../src/cache/TypedCache.js"
import { allKeys, keySet, sequence } from "../../measure/Keys.js"
import { effectful, promising, type Subject, verify } from "../../measure/Measure.js"
import * as Bento from "../../peers/Bento.js"
import * as Cacheables from "../../peers/Cacheables.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer, bunClient, emptied } from "../../run/BenchServer.js"
import { type Profile, profileOf } from "../../subjects/Profile.js"
import { fillCached, fillPromising, ids } from "../../subjects/Subjects.js"
import * as Toolkit from "../../subjects/Toolkit.js"
import type { MeasurementPlan } from "../MeasurementPlan.js"
import { compared, type Workload } from "../Workload.js"

/** of the JSON of a value */
const valueLength = 1_024

/** A tier in the process holds a tenth of the keys, as where values are more than a process can hold. */
const localCapacity = allKeys / 10

const concurrency = 128

interface Mix {
  readonly exponent: number
  readonly readPercent: number
}

const mixes: ReadonlyArray<Mix> = [
  { exponent: 0.9, readPercent: 50 },
  { exponent: 1.4, readPercent: 95 }
]

const padding = "x".repeat(valueLength)

const valueOf = (index: number): Profile => {
  const profile = profileOf(index)
  const missing = valueLength - JSON.stringify(profile).length
  return { ...profile, username: profile.username + padding.slice(0, missing) }
}

/** A cache that is read and written. */
interface Store<A> {
  readonly name: string
  readonly get: (index: number) => A
  readonly set: (index: number) => A
  /** how many of so many reads its tier in the process has answered; absent without such a tier */
  readonly localHits?: (reads: number) => number
}

/** A subject that reads or writes by chance. */
interface MixedSubject {
  readonly subject: Subject
  /** the share of the reads that the tier in the process has answered; undefined without such a tier */
  readonly hitPercent: () => number | undefined
}

type OfMix = (mix: Mix) => MixedSubject

const mixed = <A>(store: Store<A>, subjectOf: (name: string, operation: (index: number) => A) => Subject): OfMix => {
  // of all mixes, as the hits are
  let reads = 0
  const hits = () => store.localHits?.(reads)
  return ({ readPercent }) => {
    const draw = sequence(keySet(100, "uniform"))
    const readsBefore = reads
    const hitsBefore = hits() ?? 0
    const readOrWrite = (index: number): A => {
      if (draw.next() >= readPercent) return store.set(index)
      reads++
      return store.get(index)
    }
    return {
      subject: { ...subjectOf(store.name, readOrWrite), answer: subjectOf(store.name, store.get).answer },
      hitPercent: () => {
        const now = hits()
        return now === undefined ? undefined : (100 * (now - hitsBefore)) / (reads - readsBefore)
      }
    }
  }
}

const toolkit = (url: string, name: string, local?: number) =>
  Effect.gen(function* () {
    const profiles = yield* Toolkit.profiles(url, {
      name: local === undefined ? "mix" : "mix-local",
      ...(local === undefined ? {} : { local }),
      lookup: (id) => Effect.dieMessage(`${id} is not stored`)
    })
    yield* fillCached(profiles, yield* bunClient(url), allKeys, valueOf)
    const store = {
      name,
      get: (index: number): Effect.Effect<unknown, TypedCache.EngineError> => profiles.get(ids(index)),
      set: (index: number): Effect.Effect<unknown, TypedCache.EngineError> => profiles.set(ids(index), valueOf(index)),
      ...(local === undefined ? {} : { localHits: () => Effect.runSync(profiles.stats).hitsLocal })
    }
    return mixed(store, effectful)
  })

const peers = (url: string) =>
  Effect.gen(function* () {
    const bun = yield* bunClient(url)
    const bento = yield* Bento.onRedis(url)
    const bothBento = yield* Bento.inBoth(url, localCapacity)
    const cacheable = yield* Cacheables.onRedis(url)
    const bothCacheable = yield* Cacheables.inBoth(url, localCapacity)
    const keyOf = (index: number) => `bench:mix:${ids(index)}`
    const stores: ReadonlyArray<Store<Promise<unknown>>> = [
      {
        name: "Bun client + JSON",
        get: async (index) => JSON.parse((await bun.get(keyOf(index))) ?? "null"),
        set: (index) => bun.set(keyOf(index), JSON.stringify(valueOf(index)), "EX", 3_600)
      },
      {
        name: "bentocache",
        get: (index) => bento.get({ key: ids(index) }),
        set: (index) => bento.set({ key: ids(index), value: valueOf(index) })
      },
      {
        name: "cacheable",
        get: (index) => cacheable.get(ids(index)),
        set: (index) => cacheable.set(ids(index), valueOf(index))
      },
      {
        name: "bentocache, both layers and bus",
        get: (index) => bothBento.bento.get({ key: ids(index) }),
        set: (index) => bothBento.bento.set({ key: ids(index), value: valueOf(index) }),
        localHits: (reads) => reads - bothBento.redisReads()
      },
      {
        name: "cacheable, both stores and no bus",
        get: (index) => bothCacheable.cacheable.get(ids(index)),
        set: (index) => bothCacheable.cacheable.set(ids(index), valueOf(index)),
        localHits: (reads) => reads - bothCacheable.redisReads()
      }
    ]
    for (const { set } of stores) yield* fillPromising(allKeys, set)
    return stores.map((store) => mixed(store, promising))
  })

const measured = (subjectsOfMix: ReadonlyArray<OfMix>, mix: Mix, { millis, rounds, warmUpMillis }: MeasurementPlan) =>
  Effect.gen(function* () {
    const keys = keySet(allKeys, "Zipf", mix.exponent)
    const workload = `read-write-mix (${keys.name}, ${mix.readPercent} % reads)`
    const mixedSubjects = subjectsOfMix.map((ofMix) => ofMix(mix))
    const subjects = mixedSubjects.map(({ subject }) => subject)
    yield* verify(workload, subjects, [0, 1, allKeys - 1], valueOf)
    const results = yield* compared(workload, subjects, {
      concurrency,
      keys: sequence(keys),
      millis,
      rounds,
      warmUpMillis
    })
    const quantities = mixedSubjects.flatMap(({ hitPercent, subject }): ReadonlyArray<Quantity> => {
      const value = hitPercent()
      if (value === undefined) return []
      const what = "reads answered by the tier in the process"
      return [{ workload, subject: subject.name, what, value: Math.round(10 * value) / 10, unit: "%" }]
    })
    return { results, quantities }
  })

export const readWriteMix: Workload = {
  name: "read-write-mix",
  description: `Reads and writes of stored values of 1 KiB: 50 % reads of keys by Zipf 0.9, and 95 % reads by Zipf 1.4, the mixes (SET to GET 50:50 and 5:95) by which arXiv 2510.19805 measures servers. Tiers in the process hold a tenth of the keys.`,
  run: (plan) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const subjectsOfMix = [
        yield* toolkit(url, "toolkit"),
        yield* toolkit(url, "toolkit with local tier", localCapacity),
        ...(yield* peers(url))
      ]
      const outcomes = yield* Effect.forEach(mixes, (mix) => measured(subjectsOfMix, mix, plan))
      return {
        results: outcomes.flatMap(({ results }) => results),
        quantities: outcomes.flatMap(({ quantities }) => quantities)
      }
    }).pipe(emptied)
}
