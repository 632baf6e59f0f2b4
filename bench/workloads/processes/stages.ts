import { readdirSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Breakdown, breakdown, CpuProfile } from "../../measure/CpuProfile.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer, emptied } from "../../run/BenchServer.js"
import * as ChildProcess from "../../run/ChildProcess.js"
import type { Workload } from "../Workload.js"
import * as ReadsProcess from "./ReadsProcess.js"

const concurrency = 128

/** untimed, so that the compiler has optimized the code before the profile counts */
const warmUpMillis = 500

/** between two samples */
const intervalMillis = 0.5

/** how many of the hottest functions are named */
const namedFunctions = 5

const subjects = {
  client: "get of RedisClient",
  limit: "the limit of a typed read from Redis",
  shared: "typed read from Redis",
  local: "typed read from the process"
} as const

const decode = Schema.decodeUnknownSync(CpuProfile)

/** The processor time of a read, and its share in each stage. */
const profiled = (url: string, kind: ReadsProcess.Kind, millis: number) =>
  Effect.gen(function* () {
    const directory = yield* ChildProcess.temporaryDirectory
    // the profile is written when the process ends, which it does with this scope
    const measured = yield* Effect.scoped(
      Effect.flatMap(
        ReadsProcess.make(url, kind, [
          "--cpu-prof",
          `--cpu-prof-dir=${directory}`,
          `--cpu-prof-interval=${1000 * intervalMillis}`
        ]),
        (reads) =>
          Effect.promise(async () => {
            await reads.measure(concurrency, warmUpMillis)
            return reads.measure(concurrency, millis)
          })
      )
    )
    const [file = ""] = readdirSync(directory)
    const profile = yield* Effect.promise(() => Bun.file(join(directory, file)).json())
    const processorMillis = measured.processorNanos * measured.opsPerSecond * (millis / 1e9)
    return {
      processorNanos: measured.processorNanos,
      ...breakdown(decode(profile), { millis, processorMillis, intervalMillis })
    }
  }).pipe(Effect.scoped)

const quantitiesOf = (
  of: string,
  { hottest, processorNanos, shares }: Breakdown & { readonly processorNanos: number }
): ReadonlyArray<Quantity> => {
  const percent = (share: number) => Math.round(1000 * share) / 10
  const workload = `stages (${of}, ${concurrency} at once)`
  return [
    { workload, subject: "all", what: "processor time of one", value: Math.round(processorNanos), unit: "ns" },
    ...shares.map(({ share, stage }) => ({
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
    "Where the processor time of a read goes, from a profile: handing commands to Bun's client (wire), the queue of commands, the cache, decoding, Effect's fibers, the benchmark's own loop, and what the runtime does beside JavaScript: socket, replies, garbage, compiling. Then the hottest functions.",
  run: ({ millis, rounds }) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const quantities = yield* Effect.forEach(["client", "limit", "shared", "local"] as const, (kind) =>
        Effect.map(profiled(url, kind, 2 * millis * rounds), (profile) => quantitiesOf(subjects[kind], profile))
      )
      return { results: [], quantities: quantities.flat() }
    }).pipe(emptied)
}
