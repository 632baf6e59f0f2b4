import * as Effect from "effect/Effect"
import { ascending } from "../../measure/Keys.js"
import { effectful, promising, type Subject, verify } from "../../measure/Measure.js"
import * as Bento from "../../peers/Bento.js"
import * as Cacheables from "../../peers/Cacheables.js"
import * as PersistedProfiles from "../../peers/PersistedProfiles.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer, bunClient, emptied } from "../../run/BenchServer.js"
import { type Profile, profileOf } from "../../subjects/Profile.js"
import { bunGetOrSet, bunGetThenSet, ids } from "../../subjects/Subjects.js"
import * as Toolkit from "../../subjects/Toolkit.js"
import { compared, type Workload } from "../Workload.js"

const callers = 1_000

/** the time of a query to a database that is near and not busy */
const lookupMillis = 5

const all = Array.from({ length: callers })

/** Counts the lookups of each subject. */
const counting = () => {
  const counts = new Map<string, number>()
  const count = (subject: string) => counts.set(subject, (counts.get(subject) ?? 0) + 1)
  return {
    counts,
    effect: (subject: string) => (id: string) =>
      Effect.sync(() => count(subject)).pipe(Effect.delay(lookupMillis), Effect.as(profileOf(Toolkit.indexOf(id)))),
    promise:
      (subject: string) =>
      async (index: number): Promise<Profile> => {
        count(subject)
        await Bun.sleep(lookupMillis)
        return profileOf(index)
      }
  }
}

/** The answer of all callers if it is the same, else all answers. */
const same = (profiles: ReadonlyArray<unknown>): unknown =>
  profiles.every((profile) => Bun.deepEquals(profile, profiles[0])) ? profiles[0] : profiles

/** One operation is a thousand concurrent callers, and counts as a thousand. */
const crowd = <A, E>(name: string, get: (index: number) => Effect.Effect<A, E>): Subject => ({
  ...effectful(name, (index) => Effect.forEach(all, () => get(index), { concurrency: "unbounded" }), same),
  weight: callers
})

const promisingCrowd = <A>(name: string, get: (index: number) => Promise<A>): Subject => ({
  ...promising(name, (index) => Promise.all(all.map(() => get(index))), same),
  weight: callers
})

const workload = `stampede on a lookup of ${lookupMillis} ms`

/** A thousand callers of one missing value by each cache, and the counts of the lookups. */
export const crowds = Effect.gen(function* () {
  const { url } = yield* BenchServer
  const lookups = counting()
  const profiles = yield* Toolkit.profiles(url, { name: "profile", lookup: lookups.effect("toolkit") })
  const bun = yield* bunClient(url)
  const bento = yield* Bento.onRedis(url)
  const cacheable = yield* Cacheables.onRedis(url)
  const persisted = yield* PersistedProfiles.make(url, {
    storeId: "persisted",
    inMemoryCapacity: 1,
    lookup: lookups.effect("PersistedCache")
  })
  const lookUpForBento = lookups.promise("bentocache")
  const lookUpForCacheable = lookups.promise("cacheable")
  const subjects = [
    crowd("toolkit", (index) => profiles.get(ids(index))),
    promisingCrowd(bunGetThenSet, bunGetOrSet(bun, "bench:stampede", lookups.promise(bunGetThenSet))),
    promisingCrowd("bentocache", (index) => bento.getOrSet({ key: ids(index), factory: () => lookUpForBento(index) })),
    promisingCrowd("cacheable", (index) => cacheable.getOrSet(ids(index), () => lookUpForCacheable(index))),
    crowd("PersistedCache", (index) => persisted.get(PersistedProfiles.requests(index)))
  ]
  return { subjects, counts: lookups.counts }
})

export const stampede: Workload = {
  name: "stampede",
  description: `${callers} callers of one missing value in the same moment, whose lookup takes ${lookupMillis} ms. What is counted is callers answered.`,
  run: (plan) =>
    Effect.gen(function* () {
      const { counts, subjects } = yield* crowds
      const keys = ascending()
      yield* verify(workload, subjects, [keys.next()], profileOf)
      const quantities = subjects.map(
        ({ name }): Quantity => ({
          workload,
          subject: name,
          what: `lookups for ${callers} callers`,
          value: counts.get(name) ?? 0,
          unit: ""
        })
      )
      const results = yield* compared(workload, subjects, { ...plan, concurrency: 1, keys })
      return { results: results.map((result) => ({ ...result, concurrency: callers })), quantities }
    }).pipe(emptied)
}
