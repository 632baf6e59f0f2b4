/**
 * Writes the results of a run: as JSON for comparing runs, and as the files of `docs/benchmarks`.
 */
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type { MeasuredOn } from "../run/Machine.js"
import * as Chart from "./Chart.js"
import * as Markdown from "./Markdown.js"
import type { Outcome, Speed } from "./Outcome.js"

export interface Report extends MeasuredOn, Outcome {}

/** What it was measured on, as lines of text. */
export const heading = ({ machine, versions }: MeasuredOn): string =>
  `${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}\n` +
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")

export const writeJson = (file: string, report: Report): Effect.Effect<void> =>
  Effect.asVoid(Effect.promise(() => Bun.write(file, `${JSON.stringify(report, null, 2)}\n`)))

const documents = fileURLToPath(new URL("../../docs/benchmarks/", import.meta.url))
const chartFile = "speed.svg"

/** the concurrency of the chart, where there is a choice */
const drawnConcurrency = 128

/** The workloads of the chart by what their results are called, and what the chart calls them. */
const drawn: ReadonlyArray<readonly [result: RegExp, title: string]> = [
  [/^redis-get \(1,000 keys, uniform\)/, "get of a text from Redis"],
  [/^typed-shared \(1,000 keys, uniform\)/, "a typed value from Redis"],
  [/^typed-local \(1,000 keys, uniform\)/, "a typed value from the process"],
  [/^get-many /, "typed values from Redis, 100 at a time (keys)"],
  [/^set \(typed\)/, "a typed value written"],
  [/^miss/, "a miss: looked up and stored"],
  [/^rate-limit/, "a call counted against a limit"],
  [/^lock/, "a lock taken and given back"],
  [/^GET /, "HTTP: a profile, warm"]
]

const groups = (results: ReadonlyArray<Speed>): ReadonlyArray<Chart.Group> =>
  drawn.flatMap(([pattern, title]) => {
    const named = results.filter(({ workload }) => pattern.test(workload))
    const chosen = named.filter(({ concurrency }) => concurrency === drawnConcurrency)
    const shown = chosen.length > 0 ? chosen : named
    return shown.length === 0 ? [] : [{ title: `${title}, ${shown[0]?.concurrency ?? 0} at once`, results: shown }]
  })

/** Writes the tables and the chart of `docs/benchmarks`. `rounds` is the least number of rounds of a measurement. */
export const writeDocuments = (
  measuredOn: MeasuredOn,
  sections: ReadonlyArray<Markdown.Section>,
  rounds: number
): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.promise(async () => {
      const results = sections.flatMap(({ outcome }) => outcome.results)
      await Bun.write(`${documents}README.md`, Markdown.document(measuredOn, sections, chartFile, rounds))
      await Bun.write(`${documents}${chartFile}`, Chart.draw("The toolkit beside its peers", groups(results)))
    })
  )
