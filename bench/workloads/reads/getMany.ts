import * as Effect from "effect/Effect"
import { keySet, sequence } from "../../measure/Keys.js"
import { promising, verify } from "../../measure/Measure.js"
import * as Cacheables from "../../peers/Cacheables.js"
import { BenchServer, bunClient, emptied } from "../../run/BenchServer.js"
import { profileOf } from "../../subjects/Profile.js"
import {
  bunMany,
  fillCached,
  fillPromising,
  fillTexts,
  ids,
  manyKeys,
  manyOf,
  toolkitMany,
  toolkitProfile
} from "../../subjects/Subjects.js"
import * as Toolkit from "../../subjects/Toolkit.js"
import { comparedOverConcurrencies, type Workload } from "../Workload.js"

const keys = keySet(1_000, "uniform")

/** a thousand callers of a hundred keys each are nobody's program */
const mostCallers = 128

export const getMany: Workload = {
  name: "get-many",
  description: `Typed values read from Redis ${manyKeys} at a time, beside single reads by as many callers. What is counted is keys.`,
  run: (plan) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const profiles = yield* Toolkit.profiles(url, { name: "profile" })
      const bun = yield* bunClient(url)
      yield* fillCached(profiles, bun, keys.size)
      yield* fillTexts(bun, keys.size)
      const cacheable = yield* Cacheables.onRedis(url)
      yield* fillPromising(keys.size, (index) => cacheable.set(ids(index), profileOf(index)))

      const single = toolkitProfile(profiles, "toolkit, single get")
      const idsOf = manyOf(keys.size, ids)
      const many = [
        toolkitMany(profiles, keys.size),
        bunMany(bun, keys.size),
        {
          ...promising("cacheable getMany", (index) => cacheable.getMany([...idsOf(index)])),
          weight: manyKeys
        }
      ]
      yield* verify("get-many", many, [0, 1, 999], manyOf(keys.size, profileOf))
      yield* verify("get-many", [single], [0, 1, 999], profileOf)
      const few = plan.concurrencies.filter((concurrency) => concurrency <= mostCallers)
      const results = yield* comparedOverConcurrencies(
        `get-many (${keys.name})`,
        { ...plan, concurrencies: few },
        [...many, single],
        () => sequence(keys)
      )
      return { results, quantities: [] }
    }).pipe(emptied)
}
