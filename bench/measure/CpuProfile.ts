/**
 * Divides the processor time of a process among the stages of an operation. Reads a profile as Bun writes it: the format
 * `Profiler.Profile` of the Chrome DevTools Protocol.
 */
import * as Schema from "effect/Schema"

const ProfileNode = Schema.Struct({
  id: Schema.Number,
  callFrame: Schema.Struct({ functionName: Schema.String, url: Schema.String, lineNumber: Schema.Number }),
  children: Schema.optionalWith(Schema.Array(Schema.Number), { default: () => [] })
})

export const CpuProfile = Schema.Struct({
  nodes: Schema.Array(ProfileNode),
  samples: Schema.Array(Schema.Number),
  /** microseconds before each sample */
  timeDeltas: Schema.Array(Schema.Number)
})

type ProfileNode = typeof ProfileNode.Type

export const stages = ["wire", "queue", "cache", "coordination", "decode", "fiber", "benchmark", "runtime"] as const

export type Stage = (typeof stages)[number]

/** The stage of a file's functions: the first pattern that matches its URL. A function of any other file counts for its caller. */
export const stageOfFile: ReadonlyArray<readonly [file: RegExp, stage: Stage]> = [
  [/\/src\/redis\/driver\//, "wire"],
  [/\/src\/redis\/RedisKey\.ts$/, "cache"],
  [/\/src\/redis\//, "queue"],
  [/\/src\/internal\/collection\/Fifo\.ts$/, "queue"],
  [/\/src\/internal\/schema\/CompiledDecoder\.ts$/, "decode"],
  [/\/src\/internal\/effect\/(Callback|SyncEffect)\.ts$/, "fiber"],
  [/\/src\/internal\/collection\/(LatencyHistogram|Sieve|TwoGenerationMap)\.ts$/, "cache"],
  [/\/src\/cache\/entry\/CacheKey\.ts$/, "cache"],
  [/\/src\/cache\/entry\//, "decode"],
  [/\/src\/cache\//, "cache"],
  [/\/src\/coordination\//, "coordination"],
  [/\/lru-cache\//, "cache"],
  [/\/effect\/.*\/(ParseResult|Schema|SchemaAST)\.js$/, "decode"],
  [/\/effect\/.*\/(core|core-effect|effect|fiberRuntime|fiberRefs|runtime|Scheduler|deferred)\.js$/i, "fiber"],
  [/\/bench\//, "benchmark"]
]

const ownStage = (url: string): Stage | undefined => stageOfFile.find(([file]) => file.test(url))?.[1]

/**
 * Functions of the runtime have no file, and count for their caller. These belong to Bun's client: a tail call of one leaves
 * no caller on the stack.
 */
const clientFunctions = new Set(["send", "getBuffer"])

export interface Hot {
  /** the function and its file */
  readonly name: string
  /** of the processor time, from 0 to 1 */
  readonly share: number
}

export interface Breakdown {
  /** of the processor time, from 0 to 1 */
  readonly shares: ReadonlyArray<{ readonly stage: Stage; readonly share: number }>
  /** the functions with the most time of their own, the hottest first */
  readonly hottest: ReadonlyArray<Hot>
}

const nameOf = ({ functionName, lineNumber, url }: ProfileNode["callFrame"]): string => {
  const name = functionName === "" ? "an anonymous function" : functionName
  return url === "" ? `${name} (the runtime)` : `${name} (${url.split("/").at(-1) ?? ""}:${lineNumber + 1})`
}

/**
 * Counts the samples of the last `millis` milliseconds by stage, since those before them are of the warm-up. The profiler
 * samples only while JavaScript runs. The rest of the processor time belongs to the runtime: it
 * writes to the socket, parses replies, compiles and collects garbage, also in other threads.
 */
export const breakdown = (
  profile: typeof CpuProfile.Type,
  measured: { readonly millis: number; readonly processorMillis: number; readonly intervalMillis: number }
): Breakdown => {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const parents = new Map(profile.nodes.flatMap(({ children, id }) => children.map((child) => [child, id] as const)))
  const stageOf = (id: number): Stage => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const { functionName = "", url = "" } = nodes.get(at)?.callFrame ?? {}
      const stage = url === "" && clientFunctions.has(functionName) ? "wire" : ownStage(url)
      if (stage !== undefined) return stage
    }
    return "runtime"
  }
  const ofStage = new Map<Stage, number>()
  const ofFunction = new Map<string, number>()
  const count = <K>(counts: Map<K, number>, key: K) => counts.set(key, (counts.get(key) ?? 0) + 1)
  let samples = 0
  let passedMillis = 0
  for (let i = profile.samples.length - 1; i >= 0 && passedMillis < measured.millis; i--) {
    const id = profile.samples[i] ?? 0
    passedMillis += (profile.timeDeltas[i] ?? 0) / 1000
    samples++
    count(ofStage, stageOf(id))
    count(ofFunction, nameOf(nodes.get(id)?.callFrame ?? { functionName: "", lineNumber: 0, url: "" }))
  }
  const all = Math.max(samples, measured.processorMillis / measured.intervalMillis)
  const unsampled = all - samples
  return {
    shares: stages.map((stage) => ({
      stage,
      share: ((ofStage.get(stage) ?? 0) + (stage === "runtime" ? unsampled : 0)) / all
    })),
    hottest: [...ofFunction]
      .map(([name, count]) => ({ name, share: count / all }))
      .toSorted((a, b) => b.share - a.share)
  }
}
