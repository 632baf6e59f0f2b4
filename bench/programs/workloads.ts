/**
 * One run: workloads one after the other on one server, and what is written of them. `main.ts` starts it once the peers are
 * installed, with the same command line.
 */
import { BunRuntime } from "@effect/platform-bun"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { describeQuantity, describeReached, describeTable } from "../report/Comparison.js"
import * as Report from "../report/Report.js"
import { reachedBy } from "../report/targets.js"
import { BenchServer, layer } from "../run/BenchServer.js"
import * as CommandLine from "../run/CommandLine.js"
import { quiet } from "../run/Logging.js"
import { machine, versions } from "../run/Machine.js"
import { workloads } from "../workloads/index.js"
import * as MeasurementPlan from "../workloads/MeasurementPlan.js"
import type { Workload } from "../workloads/Workload.js"

const chosen = (names: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Workload>, CommandLine.UsageError> => {
  if (names.length === 0) return Effect.succeed(workloads)
  const known = workloads.map(({ name }) => name)
  const unknown = names.filter((name) => !known.includes(name))
  return unknown.length === 0
    ? Effect.succeed(workloads.filter(({ name }) => names.includes(name)))
    : Effect.fail(
        new CommandLine.UsageError({ message: `no workload ${unknown.join(", ")}; there are: ${known.join(" ")}` })
      )
}

const program = Effect.gen(function* () {
  const { isFull, json, names } = yield* CommandLine.parse(process.argv.slice(2))
  const selected = yield* chosen(names)
  const plan = isFull ? MeasurementPlan.full : MeasurementPlan.standard
  yield* Effect.gen(function* () {
    const { server } = yield* BenchServer
    const measuredOn = { machine: machine(), versions: versions(server) }
    yield* Console.log(Report.heading(measuredOn))
    const sections = yield* Effect.forEach(selected, (workload) =>
      Console.log(`\n${workload.name}: ${workload.description}`).pipe(
        Effect.zipRight(Effect.scoped(workload.run(plan))),
        Effect.tap((outcome) =>
          Console.log(
            [
              ...(outcome.tables?.map(describeTable) ?? outcome.quantities.map(describeQuantity)),
              ...reachedBy(outcome).map(describeReached)
            ].join("\n")
          )
        ),
        Effect.map((outcome) => ({ workload, outcome }))
      )
    )
    if (json !== undefined) {
      yield* Report.writeJson(json, {
        ...measuredOn,
        results: sections.flatMap(({ outcome }) => outcome.results),
        quantities: sections.flatMap(({ outcome }) => outcome.quantities),
        tables: sections.flatMap(({ outcome }) => outcome.tables ?? [])
      })
    }
    // a part of the table would stand there as if it were the whole
    if (names.length === 0) yield* Report.writeDocuments(measuredOn, sections, plan.rounds)
  }).pipe(Effect.provide(layer), quiet)
}).pipe(CommandLine.catchUsageError)

BunRuntime.runMain(program)
