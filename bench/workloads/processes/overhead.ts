import { fileURLToPath } from "node:url"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { takingTurns } from "../../measure/Measure.js"
import { compare, describe } from "../../report/Comparison.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer, emptied } from "../../run/BenchServer.js"
import type { Workload } from "../Workload.js"
import * as ReadsProcess from "./ReadsProcess.js"

const workload = "overhead"

const concurrency = 128

const preload = (program: string) => ["--preload", fileURLToPath(new URL(`../../programs/${program}`, import.meta.url))]

/** Reads in a second of processor time: what else the machine does meanwhile falls on neither of two processes. */
const rateOf = async (reads: ReadsProcess.ReadsProcess, millis: number): Promise<number> =>
  1e9 / (await reads.measure(concurrency, millis)).processorNanos

export const overhead: Workload = {
  name: workload,
  description:
    "What circuit breaker, counts and events cost, and what telemetry adds: the same reads in processes of which one has those parts emptied, one records metrics, which it writes for Prometheus once a second, and one traces sampled callers and has others. The seconds are of processor time.",
  run: (plan) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const outcomes = yield* Effect.forEach(["local", "shared"] as const, (kind) =>
        Effect.gen(function* () {
          const toolkit = yield* ReadsProcess.make(url, kind)
          const stripped = yield* ReadsProcess.make(url, kind, preload("stripped.ts"))
          const unsampled = yield* ReadsProcess.make(url, kind, preload("traced.ts"), "unsampled")
          const observed = yield* ReadsProcess.make(url, kind, preload("observed.ts"))
          const measured = yield* takingTurns(
            [
              { name: "toolkit", measure: () => rateOf(toolkit, plan.millis) },
              { name: "toolkit without them", measure: () => rateOf(stripped, plan.millis) },
              { name: "toolkit with telemetry", measure: () => rateOf(observed, plan.millis) },
              { name: "toolkit below an unsampled span", measure: () => rateOf(unsampled, plan.millis) }
            ],
            // two processes differ by more than two subjects of one
            6 * plan.rounds
          )
          const name = `${workload} (${kind} reads)`
          const results = compare(name, concurrency, measured)
          yield* Console.log(describe(results))
          const slowdown = (what: string, subject: string, ratio: number | undefined): Quantity => ({
            workload: name,
            subject,
            what,
            value: Math.round(1000 * ((ratio ?? Number.NaN) - 1)) / 10,
            unit: "%"
          })
          const [whole, without, telemetry, below] = results
          const quantities = [
            slowdown("more time than without them", "toolkit", without?.ratioTo[whole?.subject ?? ""]),
            slowdown(
              "more time than without telemetry",
              "toolkit with telemetry",
              whole?.ratioTo[telemetry?.subject ?? ""]
            ),
            slowdown(
              "more time than without a span",
              "toolkit below an unsampled span",
              whole?.ratioTo[below?.subject ?? ""]
            )
          ]
          return { results, quantities }
        }).pipe(Effect.scoped)
      )
      return {
        results: outcomes.flatMap(({ results }) => results),
        quantities: outcomes.flatMap(({ quantities }) => quantities)
      }
    }).pipe(emptied)
}
