import { cpSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { median } from "../../measure/statistics.js"
import type { Quantity } from "../../report/Outcome.js"
import { BenchServer } from "../../run/BenchServer.js"
import * as ChildProcess from "../../run/ChildProcess.js"
import type { Workload } from "../Workload.js"
import * as ServerProcess from "./ServerProcess.js"

const workload = "start-up"

const root = fileURLToPath(new URL("../../../", import.meta.url))

/** Until the first answer, since a port that is open answers nothing yet. */
const untilAnswer = (program: string, variables: Readonly<Record<string, string>>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const started = performance.now()
      const { url } = yield* ServerProcess.start(program, variables)
      const response = yield* Effect.promise(() => fetch(`${url}/api/health`))
      if (response.status !== 200) return yield* Effect.dieMessage(`${program} answers ${response.status}`)
      return performance.now() - started
    })
  )

/** The start of the bare runtime, so that the server's own part can be seen. */
const emptyProgram = Effect.promise(async () => {
  const started = performance.now()
  await Bun.spawn([process.execPath, "-e", "0"], { stdio: ["ignore", "ignore", "ignore"] }).exited
  return performance.now() - started
})

/** A program in one file, made by the command of the Dockerfile, with the files that the server reads beside its bundle. */
const bundle = (program: string) =>
  Effect.gen(function* () {
    const directory = yield* ChildProcess.temporaryDirectory
    const flags = /bun build src\/main\.ts (.*) --outdir=dist/.exec(readFileSync(join(root, "Dockerfile"), "utf8"))?.[1]
    if (flags === undefined) return yield* Effect.dieMessage("the Dockerfile does not say how it makes the bundle")
    const build = [process.execPath, "build", program, ...flags.split(" "), `--outdir=${directory}`]
    const code = yield* Effect.promise(
      () => Bun.spawn(build, { cwd: root, stdio: ["ignore", "ignore", "ignore"] }).exited
    )
    if (code !== 0) return yield* Effect.dieMessage(`bun build ended with ${code}`)
    cpSync(join(root, "src/http/dashboard/assets"), join(directory, "assets"), { recursive: true })
    return join(directory, `${basename(program, ".ts")}.js`)
  })

export const startUp: Workload = {
  name: workload,
  description:
    "From starting the server's process, with a new SQLite file, to its first answer of GET /api/health. Beside it is a program that serves one route of a contract by the same packages of the platform, and both in one file each, as the Docker image has the server.",
  run: ({ rounds }) =>
    Effect.gen(function* () {
      const { url } = yield* BenchServer
      const { route, toolkit } = ServerProcess.programs
      const bundled = { toolkit: yield* bundle(toolkit), route: yield* bundle(route) }
      const starts = {
        "server on Redis": untilAnswer(toolkit, { REDIS_URL: url }),
        "one route on the platform": untilAnswer(route, {}),
        "server on Redis, bundled": untilAnswer(bundled.toolkit, { REDIS_URL: url }),
        "one route on the platform, bundled": untilAnswer(bundled.route, {}),
        "server without Redis": untilAnswer(toolkit, { REDIS_ENABLED: "false" }),
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
    }).pipe(Effect.scoped)
}
