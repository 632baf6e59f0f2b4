/**
 * `bun run bench --quick`: the ratios that must not get worse, in less than a minute and without any peer's package.
 */
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { keySet, sequence } from "./measure/Keys.js"
import { measure, type Subject, verify } from "./measure/Measure.js"
import { ratioOf } from "./report/Comparison.js"
import { ratio } from "./report/numbers.js"
import { BenchServer, bunClient, emptied, layer, toolkitClient } from "./run/BenchServer.js"
import { quiet } from "./run/Logging.js"
import { profileOf } from "./subjects/Profile.js"
import {
  bunGet,
  bunProfile,
  effectCache,
  fillCached,
  fillTexts,
  manyOf,
  readAll,
  texts,
  toolkitGet,
  toolkitMany,
  toolkitProfile
} from "./subjects/Subjects.js"
import * as Toolkit from "./subjects/Toolkit.js"
import { thresholds } from "./thresholds.js"

const keys = keySet(1_000, "uniform")

/** A ratio below its threshold is measured again this often before it counts: a busy moment is no regression. */
const attempts = 5

class TooSlow extends Data.TaggedError("TooSlow")<{ readonly message: string }> {}

interface Check {
  readonly what: string
  readonly atLeast: number
  readonly concurrency: number
  readonly subject: Subject
  readonly beside: Subject
  readonly clockEvery?: number
}

const check = ({ atLeast, beside, subject, what, ...options }: Check): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    for (let attempt = 1; ; attempt++) {
      const measured = yield* measure([subject, beside], { rounds: 5, millis: 150, keys: sequence(keys), ...options })
      const [ours = [], theirs = []] = measured.map(({ rates }) => rates)
      const reached = ratioOf(ours, theirs)
      const isEnough = reached >= atLeast
      yield* Console.log(
        `${isEnough ? "ok" : "below"}: ${what}: ${ratio(reached)} × ${beside.name}, at least ${ratio(atLeast)}`
      )
      if (isEnough || attempt === attempts) return isEnough
    }
  })

const checks = Effect.gen(function* () {
  const { url } = yield* BenchServer
  const bun = yield* bunClient(url)
  yield* fillTexts(bun, keys.size)
  const client = toolkitGet(yield* toolkitClient(url))
  const shared = yield* Toolkit.profiles(url, { name: "shared" })
  yield* fillCached(shared, bun, keys.size)
  const local = yield* Toolkit.profiles(url, { name: "local", local: true })
  yield* fillCached(local, bun, keys.size)
  yield* readAll(local, keys.size)

  const typed = toolkitProfile(shared)
  const typedLocal = toolkitProfile(local)
  const many = toolkitMany(shared, keys.size)
  const beside = { client: bunGet(bun), shared: bunProfile(bun), local: yield* effectCache(keys.size) }
  yield* verify("gate", [client, beside.client], [0, 999], texts)
  yield* verify("gate", [typed, typedLocal, beside.shared, beside.local], [0, 999], profileOf)
  yield* verify("gate", [many], [0, 999], manyOf(keys.size, profileOf))

  const all: ReadonlyArray<Check> = [
    {
      what: "get of RedisClient, 128 at once",
      atLeast: thresholds.clientAt128,
      concurrency: 128,
      subject: client,
      beside: beside.client
    },
    {
      what: "get of RedisClient, 1,000 at once",
      atLeast: thresholds.clientAt1000,
      concurrency: 1_000,
      subject: client,
      beside: beside.client
    },
    {
      what: "typed read from Redis, 128 at once",
      atLeast: thresholds.shared,
      concurrency: 128,
      subject: typed,
      beside: beside.shared
    },
    {
      what: "typed read from the process, 128 at once",
      atLeast: thresholds.local,
      concurrency: 128,
      subject: typedLocal,
      beside: beside.local,
      clockEvery: 256
    },
    {
      what: "a key of getMany, 16 at once",
      atLeast: thresholds.many,
      concurrency: 16,
      subject: many,
      beside: { ...typed, name: "a single read" }
    }
  ]
  return yield* Effect.forEach(all, check)
})

/** Fails with `TooSlow` when a ratio stays below its threshold. */
export const gate = Effect.gen(function* () {
  const passed = yield* Effect.scoped(emptied(checks))
  const tooSlow = passed.filter((isEnough) => !isEnough).length
  if (tooSlow > 0) {
    return yield* new TooSlow({ message: `${tooSlow} of ${passed.length} ratios stayed below their threshold` })
  }
}).pipe(Effect.provide(layer), quiet)
