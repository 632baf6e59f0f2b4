/**
 * The processor time that the server spends on an operation. All clients of a server share it, so that it bounds what they do
 * together, however fast one of them is alone.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { KeySequence } from "../measure/Keys.js"
import { type Subject, TimeMeter } from "../measure/Measure.js"
import type { Quantity } from "../report/Outcome.js"
import { BenchServer, bunClient } from "../run/BenchServer.js"

/** So that the clients batch as they do under load. */
const concurrency = 128

const millis = 500

/** Of the thread that runs commands, in microseconds. Servers that do not name it have one thread. */
const spent = (info: string): number => {
  const seconds = (field: string): number | undefined => {
    const found = new RegExp(`^${field}:([\\d.]+)`, "m").exec(info)?.[1]
    return found === undefined ? undefined : Number(found)
  }
  const of = (kind: string) => seconds(`used_cpu_${kind}_main_thread`) ?? seconds(`used_cpu_${kind}`) ?? Number.NaN
  return (of("user") + of("sys")) * 1e6
}

/** The processor time of the server until now, in microseconds. */
export const total: Effect.Effect<number, never, BenchServer> = Effect.flatMap(BenchServer, ({ url }) =>
  Effect.scoped(
    Effect.flatMap(bunClient(url), (client) =>
      Effect.promise(async () => spent(String(await client.send("INFO", ["cpu"]))))
    )
  )
)

/** Measures each subject once, and prints the results. */
export const perOperation = (
  workload: string,
  subjects: ReadonlyArray<Subject>,
  keys: () => KeySequence
): Effect.Effect<ReadonlyArray<Quantity>, never, BenchServer> =>
  Effect.gen(function* () {
    const quantities: Array<Quantity> = []
    for (const { name: subject, run } of subjects) {
      const before = yield* total
      const meter = new TimeMeter(performance.now() + millis, 1)
      yield* Effect.promise(() => run(concurrency, meter, keys()))
      const value = Number((((yield* total) - before) / meter.completed).toFixed(1))
      quantities.push({ workload, subject, what: "processor time of the server for each operation", value, unit: "µs" })
    }
    yield* Console.log(
      `  ${workload}, of the server: ${quantities.map((q) => `${q.subject} ${q.value} µs`).join(", ")}`
    )
    return quantities
  })
