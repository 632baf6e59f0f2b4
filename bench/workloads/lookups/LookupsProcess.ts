/**
 * Readers and writers of a cache in processes of their own. See `bench/programs/lookups.ts`.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as LineProcess from "../../run/LineProcess.js"

/** zero where the command counts something else */
const Count = Schema.optionalWith(Schema.NonNegativeInt, { default: () => 0 })

/** What one process has seen. */
const Seen = Schema.parseJson(
  Schema.Struct({
    /** the row of each lookup, and when it began, in milliseconds */
    lookups: Schema.Array(Schema.Tuple(Schema.Number, Schema.Number)),
    reads: Count,
    stale: Count,
    waited: Count,
    writes: Count,
    fillsRejected: Count
  })
)

export type Seen = typeof Seen.Type

const decode = Schema.decodeUnknownSync(Seen)

/** The names of the caches, as the program knows them. */
export type Cache = "toolkit" | "toolkit, beta" | "toolkit, after" | "bentocache" | "cacheable" | "bare" | "xfetch"

/** from the command to what it starts, so that all processes start together */
const startMillis = 50

export interface LookupsProcesses {
  /** All processes run a command from one time on. */
  readonly all: (command: string, ...args: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<Seen>>
  /** The first process runs a command. */
  readonly first: (command: string, ...args: ReadonlyArray<number>) => Effect.Effect<Seen>
}

export interface LookupsOptions {
  readonly cache: Cache
  readonly processes: number
  readonly lookupMillis: number
  readonly timeToLiveMillis: number
}

/** Starts the processes. They end with the scope. */
export const start = (url: string, options: LookupsOptions) =>
  Effect.map(
    Effect.forEach(
      Array.from({ length: options.processes }, (_, number) => number),
      (number) =>
        LineProcess.start(
          "lookups.ts",
          [url, options.cache, number, options.lookupMillis, options.timeToLiveMillis].map(String)
        ),
      { concurrency: "unbounded" }
    ),
    (processes): LookupsProcesses => ({
      all: (command, ...args) =>
        Effect.promise(() => {
          const line = [command, Date.now() + startMillis, ...args].join(" ")
          return Promise.all(processes.map(async ({ ask }) => decode(await ask(line))))
        }),
      first: (command, ...args) =>
        Effect.promise(async () => decode(await processes[0]?.ask([command, ...args].join(" "))))
    })
  )

/** A count of all processes. */
export const total = (seen: ReadonlyArray<Seen>, count: Exclude<keyof Seen, "lookups">): number =>
  seen.reduce((sum, one) => sum + one[count], 0)
