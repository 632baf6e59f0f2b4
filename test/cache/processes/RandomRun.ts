/** Short runs of several processes on two keys, drawn by fast-check, and the condition after each. */
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import { eventually } from "../../support/faults/FaultSuite.js"
import type { CacheProcess, ProcessEnded } from "./CacheProcess.js"
import type { CacheName, Write } from "./messages.js"
import type { SharedDatabase } from "./SharedDatabase.js"
import * as Watched from "./Watched.js"

interface Step {
  /** milliseconds before it begins */
  readonly pause: number
  readonly key: "concurrent" | "serial"
  readonly operation: "get" | Write
}

/** The steps of one caller in one process, in sequence. */
interface Caller {
  readonly process: number
  readonly steps: ReadonlyArray<Step>
}

export interface RandomRun {
  readonly cache: CacheName
  readonly callers: ReadonlyArray<Caller>
}

const pause = fc.integer({ min: 0, max: 4 })

const onKey = <Operation extends Step["operation"]>(key: Step["key"], ...operations: ReadonlyArray<Operation>) =>
  fc.record({ pause, key: fc.constant(key), operation: fc.constantFrom(...operations) })

// `set` trusts its caller that no other write of the key is running
const step: fc.Arbitrary<Step> = fc.oneof(
  onKey("concurrent", "get"),
  onKey("serial", "get"),
  onKey("concurrent", "invalidate", "update", "updateThatFails"),
  onKey("serial", "invalidate", "set", "update", "updateThatFails")
)

const runOf = (cache: CacheName, processes: number): fc.Arbitrary<RandomRun> =>
  fc.record({
    cache: fc.constant(cache),
    callers: fc.array(
      fc.record({
        process: fc.integer({ min: 0, max: processes - 1 }),
        steps: fc.array(step, { minLength: 1, maxLength: 5 })
      }),
      { minLength: 3, maxLength: 6 }
    )
  })

/** Draws runs, in turn without and with a local tier. */
export const sample = (options: {
  readonly seed: number
  readonly runs: number
  readonly processes: number
}): ReadonlyArray<RandomRun> =>
  fc
    .sample(fc.tuple(runOf("remote", options.processes), runOf("tiered", options.processes)), {
      seed: options.seed,
      numRuns: Math.ceil(options.runs / 2)
    })
    .flat()

/** Runs it on keys of its own. Answers the run and its failures, if there are any. */
export const run = (
  { cache, callers }: RandomRun,
  given: {
    readonly number: number
    readonly processes: ReadonlyArray<CacheProcess>
    readonly database: SharedDatabase
    readonly localTime: number
  }
) =>
  Effect.gen(function* () {
    const { database, processes } = given
    const watched = Watched.make({ localTime: given.localTime })
    const oneAtATime = yield* Effect.makeSemaphore(1)
    const keyOf = (key: Step["key"]) => `run ${given.number} ${key}`

    const take = (process: CacheProcess, { key, operation }: Step): Effect.Effect<unknown, ProcessEnded> => {
      if (operation === "get") return watched.read(process, cache, keyOf(key))
      const write = watched.write(process, cache, keyOf(key), operation)
      return key === "serial" ? oneAtATime.withPermits(1)(write) : write
    }

    yield* Effect.forEach(
      callers,
      (caller) => {
        const process = processes[caller.process]
        if (process === undefined) return Effect.dieMessage(`there is no process ${caller.process}`)
        return Effect.forEach(caller.steps, (step) => Effect.delay(take(process, step), step.pause), { discard: true })
      },
      { concurrency: "unbounded", discard: true }
    )

    // quiet: Redis has acknowledged every write, and every local entry has expired
    yield* eventually(
      "Redis has taken all writes",
      Effect.map(Effect.all(processes.map(({ status }) => status)), (all) => all.every(({ outbox }) => outbox === 0))
    )
    if (cache === "tiered") yield* Effect.sleep(given.localTime + 2)
    const mistakes = [...watched.mistakes]
    for (const key of [keyOf("concurrent"), keyOf("serial")]) {
      for (const process of processes) {
        const { source, version } = yield* process.get(cache, key)
        if (version !== database.version(key)) {
          mistakes.push(
            `${process.name} still serves version ${version} of ${key} from ${source}, not ${database.version(key)}`
          )
        }
      }
    }
    return mistakes.length === 0 ? undefined : { mistakes, run: given.number, cache, callers }
  })
