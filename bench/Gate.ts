/**
 * `bun run bench --quick`: the ratios that must not get worse, in two minutes. `main.ts` starts it once the peers are installed.
 */
import { BunRuntime } from "@effect/platform-bun"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { ascending, keySet, sequence } from "./measure/Keys.js"
import { CountMeter, type MeasureOptions, measure, type Subject, verify } from "./measure/Measure.js"
import { ratioOf } from "./report/Comparison.js"
import { ratio } from "./report/numbers.js"
import { BenchServer, bunClient, emptied, layer, toolkitClient } from "./run/BenchServer.js"
import { endWith } from "./run/CommandLine.js"
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
import { lockUses } from "./workloads/coordination/lock.js"
import { limits } from "./workloads/coordination/rateLimit.js"
import { misses } from "./workloads/writes/miss.js"
import { typedSets } from "./workloads/writes/set.js"
import { crowds } from "./workloads/writes/stampede.js"

const keys = keySet(1_000, "uniform")

/** A ratio below its threshold is measured again this often before it counts: a busy moment is no regression. */
const attempts = 5

/**
 * Untimed, before the first attempt: enough for the compiler, also where other programs leave the process little time. A round
 * of an operation that is not compiled yet would measure the compiler.
 */
const warmUpOperations = 10_000

interface Check {
  readonly what: string
  readonly atLeast: number
  readonly concurrency: number
  readonly subject: Subject
  readonly beside: Subject
  readonly options?: CheckOptions
}

interface CheckOptions extends Partial<MeasureOptions> {
  readonly warmUpOperations?: number
}

const check = ({ atLeast, beside, concurrency, options, subject, what }: Check): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    for (const { run } of [subject, beside]) {
      const meter = new CountMeter(options?.warmUpOperations ?? warmUpOperations)
      yield* Effect.promise(() => run(concurrency, meter, options?.keys ?? sequence(keys)))
    }
    for (let attempt = 1; ; attempt++) {
      const measured = yield* measure([subject, beside], {
        concurrency,
        rounds: 5,
        millis: 150,
        keys: sequence(keys),
        ...options
      })
      const [ours = [], theirs = []] = measured.map(({ rates }) => rates)
      const reached = ratioOf(ours, theirs)
      const isEnough = reached >= atLeast
      yield* Console.log(
        `${isEnough ? "ok" : "below"}: ${what}: ${ratio(reached)} × ${beside.name}, at least ${ratio(atLeast)}`
      )
      if (isEnough || attempt === attempts) return isEnough
    }
  })

const reads = Effect.gen(function* () {
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
      beside: beside.client,
      options: { warmUpOperations: 100_000 }
    },
    {
      what: "get of RedisClient, 1,000 at once",
      atLeast: thresholds.clientAt1000,
      concurrency: 1_000,
      subject: client,
      beside: beside.client,
      options: { warmUpOperations: 100_000 }
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
      options: { clockEvery: 256, warmUpOperations: 1_000_000 }
    },
    {
      what: "a key of getMany, 16 at once",
      atLeast: thresholds.many,
      concurrency: 16,
      subject: many,
      beside: { ...typed, name: "a single read" },
      options: { warmUpOperations: 2_000 }
    }
  ]
  return yield* Effect.forEach(all, check)
})

/** The toolkit beside one of the subjects of a workload, which answer alike. */
const besidePeer = (
  what: string,
  atLeast: number,
  subjects: ReadonlyArray<Subject>,
  peer: string,
  options?: CheckOptions
): Effect.Effect<boolean> => {
  const [subject] = subjects
  const beside = subjects.find(({ name }) => name === peer)
  return subject === undefined || beside === undefined
    ? Effect.dieMessage(`${what}: no subject ${peer}`)
    : check({ what, atLeast, concurrency: 128, subject, beside, ...(options === undefined ? {} : { options }) })
}

const set = Effect.gen(function* () {
  const subjects = yield* typedSets
  yield* verify("gate: set", subjects, [0, 999], profileOf)
  return yield* besidePeer("typed set, 128 at once", thresholds.set, subjects, "bentocache")
})

const miss = Effect.gen(function* () {
  const subjects = yield* misses
  const missing = ascending()
  yield* verify("gate: miss", subjects, [missing.next()], profileOf)
  return yield* besidePeer("miss, 128 at once", thresholds.miss, subjects, "cacheable", { keys: missing })
})

const stampede = Effect.gen(function* () {
  const { subjects } = yield* crowds
  const missing = ascending()
  yield* verify("gate: stampede", subjects, [missing.next()], profileOf)
  return yield* besidePeer("stampede of 1,000", thresholds.stampede, subjects, "cacheable", {
    concurrency: 1,
    keys: missing,
    warmUpOperations: 20
  })
})

const limit = Effect.flatMap(limits, (subjects) =>
  besidePeer("rate limit, 128 at once", thresholds.limit, subjects, "rate-limiter-flexible")
)

const lock = Effect.gen(function* () {
  const subjects = yield* lockUses
  const free = ascending()
  yield* verify("gate: lock", subjects, [free.next()], () => true)
  return yield* besidePeer("lock, 128 at once", thresholds.lock, subjects, "redlock-universal", {
    keys: free,
    warmUpOperations: 5_000
  })
})

const program = Effect.gen(function* () {
  const ofReads = yield* Effect.scoped(emptied(reads))
  const ofPeers = yield* Effect.forEach([set, miss, stampede, limit, lock], (one) => Effect.scoped(emptied(one)))
  const passed = [...ofReads, ...ofPeers]
  const tooSlow = passed.filter((isEnough) => !isEnough).length
  if (tooSlow > 0) yield* endWith(1, `${tooSlow} of ${passed.length} ratios stayed below their threshold`)
}).pipe(Effect.provide(layer), quiet)

BunRuntime.runMain(program)
