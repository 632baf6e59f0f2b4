import { readdirSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Breakdown, breakdown, CpuProfile } from "../../measure/CpuProfile.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer, emptied } from "../../run/BenchServer.js"
import * as ChildProcess from "../../run/ChildProcess.js"
import * as LineProcess from "../../run/LineProcess.js"
import type { Workload } from "../Workload.js"
import * as ReadsProcess from "./ReadsProcess.js"

const concurrency = 128

/** untimed, so that the compiler has optimized the code before the profile counts */
const warmUpMillis = 500

/** between two samples */
const intervalMillis = 0.5

/** how many of the hottest functions are named */
const namedFunctions = 5

const decode = Schema.decodeUnknownSync(CpuProfile)

/** What was measured last in a process, all of its threads included. */
interface Profiled {
  readonly processorNanos: number
  readonly processorMillis: number
  readonly millis: number
}

/** A profiled process, and what it measures as its last act: the profile counts from the end. */
type Profile = (profiling: ReadonlyArray<string>) => Effect.Effect<Profiled, never, Scope.Scope>

const ofReads =
  (url: string, kind: ReadsProcess.Kind, millis: number): Profile =>
  (profiling) =>
    Effect.flatMap(ReadsProcess.make(url, kind, profiling), (reads) =>
      Effect.promise(async () => {
        await reads.measure(concurrency, warmUpMillis)
        const { opsPerSecond, processorNanos } = await reads.measure(concurrency, millis)
        return { processorNanos, processorMillis: processorNanos * opsPerSecond * (millis / 1e9), millis }
      })
    )

/** The operations of `bench/programs/operations.ts`, and how many of them are measured. */
const ofOperations =
  (url: string, operation: string, count: number): Profile =>
  (profiling) =>
    Effect.flatMap(LineProcess.start("operations.ts", [url, "0", "1000"], profiling), ({ ask }) =>
      Effect.promise(async () => {
        await ask(`${operation} ${concurrency} ${count}`)
        const started = performance.now()
        const micros = Number(await ask(`${operation} ${concurrency} ${count}`))
        const millis = performance.now() - started
        return { processorNanos: (1_000 * micros) / count, processorMillis: micros / 1_000, millis }
      })
    )

/** The processor time of an operation, and its share in each stage. */
const profiled = (run: Profile) =>
  Effect.gen(function* () {
    const directory = yield* ChildProcess.temporaryDirectory
    // the profile is written when the process ends, which it does with this scope
    const measured = yield* Effect.scoped(
      run(["--cpu-prof", `--cpu-prof-dir=${directory}`, `--cpu-prof-interval=${1000 * intervalMillis}`])
    )
    const [file = ""] = readdirSync(directory)
    const profile = yield* Effect.promise(() => Bun.file(join(directory, file)).json())
    const { millis, processorMillis, processorNanos } = measured
    return { processorNanos, ...breakdown(decode(profile), { millis, processorMillis, intervalMillis }) }
  }).pipe(Effect.scoped)

const quantitiesOf = (
  of: string,
  { hottest, processorNanos, shares }: Breakdown & { readonly processorNanos: number }
): ReadonlyArray<Quantity> => {
  const percent = (share: number) => Math.round(1000 * share) / 10
  const workload = `stages (${of}, ${concurrency} at once)`
  return [
    { workload, subject: "all", what: "processor time of one", value: Math.round(processorNanos), unit: "ns" },
    ...shares
      .filter(({ share }) => share > 0)
      .map(({ share, stage }) => ({
        workload,
        subject: stage,
        what: "of that time",
        value: percent(share),
        unit: "%"
      })),
    ...hottest.slice(0, namedFunctions).map(({ name, share }) => ({
      workload,
      subject: name,
      what: "of that time, without its callees",
      value: percent(share),
      unit: "%"
    }))
  ]
}

export const stages: Workload = {
  name: "stages",
  description:
    "Where the processor time of an operation goes, from a profile: handing commands to Bun's client (wire), the queue of commands, the cache, limits and locks (coordination), decoding, Effect's fibers, the benchmark's own loop, and what the runtime does beside JavaScript: socket, replies, garbage, compiling. Then the hottest functions.",
  run: ({ millis, rounds }) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const timed = (kind: ReadsProcess.Kind) => ofReads(url, kind, 2 * millis * rounds)
      const profiles: ReadonlyArray<readonly [string, Profile]> = [
        ["get of RedisClient", timed("client")],
        ["the limit of a typed read from Redis", timed("limit")],
        ["typed read from Redis", timed("shared")],
        ["typed read from the process", timed("local")],
        ["typed set", ofOperations(url, "set", 40_000)],
        ["miss", ofOperations(url, "miss", 20_000)],
        ["rate limit", ofOperations(url, "limit", 40_000)],
        ["lock", ofOperations(url, "lock", 15_000)]
      ]
      const quantities = yield* Effect.forEach(profiles, ([of, run]) =>
        Effect.map(profiled(run), (profile) => quantitiesOf(of, profile))
      )
      return { results: [], quantities: quantities.flat() }
    }).pipe(emptied)
}
