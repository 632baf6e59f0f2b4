import * as Effect from "effect/Effect"
import { LRUCache } from "lru-cache"
import { allKeys } from "../../measure/Keys.js"
import { effectful, immediate, promising, verify } from "../../measure/Measure.js"
import * as Bento from "../../peers/Bento.js"
import * as Cacheables from "../../peers/Cacheables.js"
import * as PersistedProfiles from "../../peers/PersistedProfiles.js"
import { BenchServer, bunClient } from "../../run/BenchServer.js"
import { type Profile, profileOf } from "../../subjects/Profile.js"
import {
  effectCache,
  fill,
  fillCached,
  fillPromising,
  ids,
  parsedProfile,
  readAll,
  toolkitProfile
} from "../../subjects/Subjects.js"
import * as Toolkit from "../../subjects/Toolkit.js"
import { comparedOverKeys, type Workload } from "../Workload.js"

const subjectsOf = (size: number) =>
  Effect.gen(function* () {
    const { url } = yield* BenchServer
    const profiles = yield* Toolkit.profiles(url, { name: "profile", local: true })
    yield* fillCached(profiles, yield* bunClient(url), size)
    yield* readAll(profiles, size)
    const inMemory = yield* Toolkit.profilesInMemory
    yield* fill(size, (index) => inMemory.set(ids(index), parsedProfile(index)))
    const bento = Bento.inMemory()
    yield* fillPromising(size, (index) => bento.set({ key: ids(index), value: parsedProfile(index) }))
    const cacheable = Cacheables.inMemory()
    yield* fillPromising(size, (index) => cacheable.set(ids(index), parsedProfile(index)))
    const persisted = yield* PersistedProfiles.make(url, { storeId: "persisted", inMemoryCapacity: 2 * allKeys })
    yield* fill(size, (index) => persisted.get(PersistedProfiles.requests(index)))
    const lru = new LRUCache<string, Profile>({ max: 2 * allKeys })
    for (let index = 0; index < size; index++) lru.set(ids(index), parsedProfile(index))

    const subjects = [
      toolkitProfile(profiles),
      toolkitProfile(inMemory, "toolkit LocalCache"),
      yield* effectCache(size),
      promising("bentocache", (index) => bento.get({ key: ids(index) })),
      promising("cacheable", (index) => cacheable.get(ids(index))),
      effectful("PersistedCache", (index) => persisted.get(PersistedProfiles.requests(index))),
      effectful("lru-cache, yielded", (index) => Effect.succeed(lru.get(ids(index)))),
      immediate("lru-cache", (index) => lru.get(ids(index)))
    ]
    yield* verify("typed-local", subjects, [0, 1, 999], profileOf)
    return subjects
  })

export const typedLocal: Workload = {
  name: "typed-local",
  description:
    "One typed value read from the tier in the process. The bare lru-cache is the limit: called synchronously, and its answer yielded as an effect.",
  run: (plan) => comparedOverKeys("typed-local", plan, subjectsOf, { clockEvery: 256 })
}
