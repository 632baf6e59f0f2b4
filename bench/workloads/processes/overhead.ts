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

const strip = ["--preload", fileURLToPath(new URL("../../programs/stripped.ts", import.meta.url))]

/** Reads in a second of processor time: what else the machine does meanwhile falls on neither of two processes. */
const rateOf = async (reads: ReadsProcess.ReadsProcess, millis: number): Promise<number> =>
  1e9 / (await reads.measure(concurrency, millis)).processorNanos

export const overhead: Workload = {
  name: workload,
  description:
    "What circuit breaker, counts, events and metrics cost: the same reads in two processes, of which one has those parts emptied. The seconds are of processor time.",
  run: (plan) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const outcomes = yield* Effect.forEach(["local", "shared"] as const, (kind) =>
        Effect.gen(function* () {
          const whole = yield* ReadsProcess.make(url, kind)
          const stripped = yield* ReadsProcess.make(url, kind, strip)
          const measured = yield* takingTurns(
            [
              { name: "toolkit", measure: () => rateOf(whole, plan.millis) },
              { name: "toolkit without them", measure: () => rateOf(stripped, plan.millis) }
            ],
            // two processes differ by more than two subjects of one
            6 * plan.rounds
          )
          const name = `${workload} (${kind} reads)`
          const results = compare(name, concurrency, measured)
          yield* Console.log(describe(results))
          const slowdown = (results[1]?.ratioTo.toolkit ?? Number.NaN) - 1
          const quantity: Quantity = {
            workload: name,
            subject: "toolkit",
            what: "more time than without them",
            value: Math.round(1000 * slowdown) / 10,
            unit: "%"
          }
          return { results, quantity }
        }).pipe(Effect.scoped)
      )
      return {
        results: outcomes.flatMap(({ results }) => results),
        quantities: outcomes.map(({ quantity }) => quantity)
      }
    }).pipe(emptied)
}
