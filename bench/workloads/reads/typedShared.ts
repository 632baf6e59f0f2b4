import * as Effect from "effect/Effect"
import { effectful, promising, verify } from "../../measure/Measure.js"
import * as Bento from "../../peers/Bento.js"
import * as Cacheables from "../../peers/Cacheables.js"
import * as PersistedProfiles from "../../peers/PersistedProfiles.js"
import { BenchServer, bunClient, toolkitClient } from "../../run/BenchServer.js"
import { profileOf } from "../../subjects/Profile.js"
import { sharedLimit } from "../../subjects/SharedLimit.js"
import { bunProfile, fill, fillCached, fillPromising, fillTexts, ids, toolkitProfile } from "../../subjects/Subjects.js"
import * as Toolkit from "../../subjects/Toolkit.js"
import { comparedOverKeys, type Workload } from "../Workload.js"

const subjectsOf = (size: number) =>
  Effect.gen(function* () {
    const { url } = yield* BenchServer
    const profiles = yield* Toolkit.profiles(url, { name: "profile" })
    const bun = yield* bunClient(url)
    yield* fillCached(profiles, bun, size)
    yield* fillTexts(bun, size)
    const bento = yield* Bento.onRedis(url)
    yield* fillPromising(size, (index) => bento.set({ key: ids(index), value: profileOf(index) }))
    const cacheable = yield* Cacheables.onRedis(url)
    yield* fillPromising(size, (index) => cacheable.set(ids(index), profileOf(index)))
    const keyv = yield* Cacheables.keyv(url)
    yield* fillPromising(size, (index) => keyv.set(ids(index), profileOf(index)))
    // its memory tier cannot be switched off: one entry is the least it takes
    const persisted = yield* PersistedProfiles.make(url, { storeId: "persisted", inMemoryCapacity: 1 })
    yield* fill(size, (index) => persisted.get(PersistedProfiles.requests(index)))

    // the default of ioredis is not to, and to makes them faster: both ways are shown
    const unpipelined = { enableAutoPipelining: false }
    const plainBento = yield* Bento.onRedis(url, unpipelined)
    const plainPersisted = yield* PersistedProfiles.make(url, {
      storeId: "persisted",
      inMemoryCapacity: 1,
      ...unpipelined
    })

    const subjects = [
      toolkitProfile(profiles),
      sharedLimit(yield* toolkitClient(url)),
      bunProfile(bun),
      promising("bentocache", (index) => bento.get({ key: ids(index) })),
      promising("bentocache, ioredis by default", (index) => plainBento.get({ key: ids(index) })),
      promising("cacheable", (index) => cacheable.get(ids(index))),
      promising("keyv", (index) => keyv.get(ids(index))),
      effectful("PersistedCache", (index) => persisted.get(PersistedProfiles.requests(index))),
      effectful("PersistedCache, ioredis by default", (index) => plainPersisted.get(PersistedProfiles.requests(index)))
    ]
    yield* verify("typed-shared", subjects, [0, 1, 999], profileOf)
    return subjects
  })

export const typedShared: Workload = {
  name: "typed-shared",
  description:
    "One typed value read from Redis, decoded and validated where the subject does that; no tier in the process. bentocache and PersistedCache read through ioredis: with auto-pipelining, which makes them faster, and by its defaults, which are without. MGET + JSON.parse + validation is the limit: the toolkit's client and decoder, and no cache.",
  run: (plan) => comparedOverKeys("typed-shared", plan, subjectsOf)
}
