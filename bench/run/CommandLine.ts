/**
 * Parses the command line of `bun run bench`, and ends the process with a message.
 */
import { parseArgs } from "node:util"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

export interface CommandLine {
  /** of the workloads to run; all when empty */
  readonly names: ReadonlyArray<string>
  /** where the results are written as JSON */
  readonly json: string | undefined
  /** every set of keys at every concurrency */
  readonly isFull: boolean
  /** only the ratios that must not get worse */
  readonly isQuick: boolean
  readonly isHelp: boolean
  readonly isVersion: boolean
}

export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

export const usage = `Usage: bun run bench [workload…] [--json <file>] [--full]
       bun run bench --quick

  workload      only these; without any, all are run and docs/benchmarks is written
  --json <file> writes the results there as JSON
  --full        every set of keys at every concurrency, and 5,000,000 operations where memory is watched: an hour
  --quick       the ratios that must not get worse, in two minutes; fails when one has
  --help        prints this
  --version     prints the version of the toolkit

BENCH_REDIS_URL names the server to measure against, WHOSE DATABASE IS EMPTIED; without it redis-server is started.`

export const parse = (args: ReadonlyArray<string>): Effect.Effect<CommandLine, UsageError> =>
  Effect.try({
    try: () => {
      const { positionals, values } = parseArgs({
        args: [...args],
        allowPositionals: true,
        options: {
          json: { type: "string" },
          full: { type: "boolean", default: false },
          quick: { type: "boolean", default: false },
          help: { type: "boolean", short: "h", default: false },
          version: { type: "boolean", default: false }
        }
      })
      return {
        names: positionals,
        json: values.json,
        isFull: values.full,
        isQuick: values.quick,
        isHelp: values.help,
        isVersion: values.version
      }
    },
    // without its advice on arguments that begin with a hyphen: no workload does
    catch: (cause) =>
      new UsageError({ message: String(cause instanceof Error ? cause.message : cause).replace(/\. To .*/s, "") })
  })

/** Prints a message to standard error, and sets the exit code. */
export const endWith = (code: number, message: string): Effect.Effect<void> =>
  Effect.zipRight(
    Console.error(message),
    Effect.sync(() => {
      process.exitCode = code
    })
  )

export const catchUsageError = <E, R>(
  program: Effect.Effect<void, E | UsageError, R>
): Effect.Effect<void, Exclude<E, UsageError>, R> =>
  Effect.catchIf(
    program,
    (error): error is UsageError => error instanceof UsageError,
    ({ message }) => endWith(2, `${message}\n\n${usage}`)
  )
