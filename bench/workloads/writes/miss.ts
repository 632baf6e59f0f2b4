import * as Effect from "effect/Effect"
import { ascending } from "../../measure/Keys.js"
import { effectful, promising, verify } from "../../measure/Measure.js"
import * as Bento from "../../peers/Bento.js"
import * as Cacheables from "../../peers/Cacheables.js"
import * as PersistedProfiles from "../../peers/PersistedProfiles.js"
import { BenchServer, bunClient, emptied } from "../../run/BenchServer.js"
import { profileOf } from "../../subjects/Profile.js"
import { bunGetOrSet, bunGetThenSet, ids } from "../../subjects/Subjects.js"
import * as Toolkit from "../../subjects/Toolkit.js"
import * as ServerTime from "../ServerTime.js"
import { comparedOverConcurrencies, type Workload } from "../Workload.js"

/** A value that no cache has, by each of them: each index is looked up once. */
export const misses = Effect.gen(function* () {
  const { url } = yield* BenchServer
  const profiles = yield* Toolkit.profiles(url, { name: "profile" })
  const bun = yield* bunClient(url)
  const bento = yield* Bento.onRedis(url)
  const cacheable = yield* Cacheables.onRedis(url)
  const persisted = yield* PersistedProfiles.make(url, { storeId: "persisted", inMemoryCapacity: 1 })
  return [
    effectful("toolkit", (index) => profiles.get(ids(index))),
    promising(
      bunGetThenSet,
      bunGetOrSet(bun, "bench:miss", async (index) => profileOf(index))
    ),
    promising("bentocache", (index) => bento.getOrSet({ key: ids(index), factory: () => profileOf(index) })),
    promising("cacheable", (index) => cacheable.getOrSet(ids(index), async () => profileOf(index))),
    effectful("PersistedCache", (index) => persisted.get(PersistedProfiles.requests(index)))
  ]
})

export const miss: Workload = {
  name: "miss",
  description:
    "A value that is in no cache: missed, looked up by a function that answers at once, and stored. The bare client stores without a lease, so that two processes may both look up.",
  run: (plan) =>
    Effect.gen(function* () {
      const subjects = yield* misses
      const keys = ascending()
      // twice: looked up, and found
      const twice = Array.from({ length: 3 }, keys.next).flatMap((index) => [index, index])
      yield* verify("miss", subjects, twice, profileOf)
      const results = yield* comparedOverConcurrencies("miss, lookup and fill", plan, subjects, () => keys)
      const quantities = yield* ServerTime.perOperation("miss, lookup and fill", subjects, () => keys)
      return { results, quantities }
    }).pipe(emptied)
}
