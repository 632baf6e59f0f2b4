/**
 * Operations in a process of their own: `operations.ts <url> <number of the process> <stored values>`. Answers each line of
 * its input, `<operation> <concurrency> <count>`, with how many microseconds of processor time so many took in all.
 */
import * as Effect from "effect/Effect"
import * as DistributedLock from "../../src/coordination/DistributedLock.js"
import { RedisClient } from "../../src/redis/RedisClient.js"
import { keySet, sequence } from "../measure/Keys.js"
import { CountMeter, effectful, promising, type Subject } from "../measure/Measure.js"
import { bunClient, toolkitClient } from "../run/BenchServer.js"
import * as LineProcess from "../run/LineProcess.js"
import { quiet } from "../run/Logging.js"
import { idOf, profileOf } from "../subjects/Profile.js"
import * as RateLimits from "../subjects/RateLimits.js"
import { textKeys } from "../subjects/Subjects.js"
import * as Toolkit from "../subjects/Toolkit.js"

const [, , url = "", number = "0", stored = "1000"] = process.argv

/** Where the values that are not stored begin: each process has its own. */
const firstMissing = 1e9 * (1 + Number(number))

const program = Effect.gen(function* () {
  const client = yield* toolkitClient(url)
  const bun = yield* bunClient(url)
  const profiles = yield* Toolkit.profiles(url, { name: "flat" })
  const locks = yield* Effect.provideService(DistributedLock.make, RedisClient, client)
  const consume = yield* RateLimits.make(url, { limit: 1e9, windowSeconds: 10_000 })
  let missing = firstMissing
  const subjects: Readonly<Record<string, Subject>> = {
    get: promising("GET by Bun's client", (index) => bun.get(textKeys(index))),
    hit: effectful("hit", (index) => profiles.get(idOf(index))),
    set: effectful("set", (index) => profiles.set(idOf(index), profileOf(index))),
    miss: effectful("miss", () => profiles.get(idOf(missing++))),
    limit: effectful("limit", (index) => consume(`flat:${idOf(index % 1_000)}`)),
    // no other caller wants a lock of this process
    lock: effectful("lock", () =>
      locks.withLock(`flat:${missing++}`, { timeToLive: "30 seconds", maxWait: 0 })(Effect.void)
    )
  }
  const keys = sequence(keySet(Number(stored), "Zipf"))
  yield* LineProcess.answer((line) => {
    const [operation = "", concurrency = "1", count = "0"] = line.split(" ")
    return Effect.promise(async () => {
      const before = process.cpuUsage()
      await subjects[operation]?.run(Number(concurrency), new CountMeter(Number(count)), keys)
      const { system, user } = process.cpuUsage(before)
      return `${system + user}`
    })
  })
}).pipe(Effect.scoped, quiet)

await Effect.runPromise(program)
// whatever a preload still does
process.exit()
