import * as Effect from "effect/Effect"
import { median } from "../../measure/statistics.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer } from "../../run/BenchServer.js"
import type { Workload } from "../Workload.js"
import * as ServerProcess from "./ServerProcess.js"

const workload = "start-up"

/** Until the first answer, since a port that is open answers nothing yet. */
const untilAnswer = (variables: Readonly<Record<string, string>>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const started = performance.now()
      const url = yield* ServerProcess.start(variables)
      yield* Effect.promise(() => fetch(`${url}/api/health`))
      return performance.now() - started
    })
  )

/** The start of the bare runtime, so that the server's own part can be seen. */
const emptyProgram = Effect.promise(async () => {
  const started = performance.now()
  await Bun.spawn([process.execPath, "-e", "0"], { stdio: ["ignore", "ignore", "ignore"] }).exited
  return performance.now() - started
})

export const startUp: Workload = {
  name: workload,
  description: "From starting the server's process, with a new SQLite file, to its first answer of GET /api/health.",
  run: ({ rounds }) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const starts = {
        "server on Redis": untilAnswer({ REDIS_URL: url }),
        "server without Redis": untilAnswer({ REDIS_ENABLED: "false" }),
        "an empty program": emptyProgram
      }
      const times = Object.fromEntries(Object.keys(starts).map((subject) => [subject, [] as Array<number>]))
      for (let round = 0; round < rounds; round++) {
        for (const [subject, start] of Object.entries(starts)) times[subject]?.push(yield* start)
      }
      const quantities = Object.entries(times).map(
        ([subject, millis]): Quantity => ({
          workload,
          subject,
          what: "until the first answer",
          value: Math.round(median(millis)),
          unit: "ms"
        })
      )
      return { results: [], quantities }
    })
}
