/**
 * Reads of one kind in a process of their own: `reads.ts <kind> <url> [unsampled]`, where the callers
 * run below a span that is not sampled. Answers each line of its input,
 * `<concurrency> <milliseconds>`, with how many reads there were in a second, and how many nanoseconds of processor time
 * each took.
 */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import { keySet, sequence } from "../measure/Keys.js"
import { effectful, measureOnce } from "../measure/Measure.js"
import { bunClient, toolkitClient } from "../run/BenchServer.js"
import * as LineProcess from "../run/LineProcess.js"
import { quiet } from "../run/Logging.js"
import { sharedLimit } from "../subjects/SharedLimit.js"
import { fillCached, fillTexts, ids, readAll, toolkitGet, toolkitProfile } from "../subjects/Subjects.js"
import * as Toolkit from "../subjects/Toolkit.js"

const keys = keySet(1_000, "uniform")

/** untimed, before each answer */
const warmUpMillis = 100

/** between which two processes may differ by a name */
const [, , kind = "", url = "", parent = ""] = process.argv

/** A span that the sampler has left out. */
const unsampled = Tracer.externalSpan({ traceId: "1".repeat(32), spanId: "1".repeat(16), sampled: false })

const subject = Effect.gen(function* () {
  const bun = yield* bunClient(url)
  if (kind === "client" || kind === "limit") {
    yield* fillTexts(bun, keys.size)
    const client = yield* toolkitClient(url)
    return kind === "client" ? toolkitGet(client) : sharedLimit(client)
  }
  const profiles = yield* Toolkit.profiles(url, { name: `profile-${process.pid}`, local: kind === "local" })
  yield* fillCached(profiles, bun, keys.size)
  yield* readAll(profiles, keys.size)
  return parent === "unsampled"
    ? effectful("toolkit", (index) => profiles.get(ids(index)), undefined, Effect.withParentSpan(unsampled))
    : toolkitProfile(profiles)
})

const program = Effect.gen(function* () {
  const reads = yield* subject
  const sequenced = sequence(keys)
  const clockEvery = kind === "local" ? 256 : 1
  yield* LineProcess.answer((line) => {
    const [concurrency = 1, millis = 0] = line.split(" ").map(Number)
    const readFor = (millis: number) =>
      Effect.promise(() =>
        measureOnce(reads, { concurrency, millis, keys: sequenced, rounds: 1, clockEvery, warmUpMillis: 0 })
      )
    return Effect.gen(function* () {
      // apart, since its processor time does not count
      yield* readFor(warmUpMillis)
      const before = process.cpuUsage()
      const rate = yield* readFor(millis)
      const { system, user } = process.cpuUsage(before)
      return `${rate} ${((system + user) * 1000) / ((rate * millis) / 1000)}`
    })
  })
}).pipe(Effect.scoped, quiet)

await Effect.runPromise(program)
// whatever a preload still does
process.exit()
