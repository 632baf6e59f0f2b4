/**
 * `effect-cache doctor`.
 *
 * @internal
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { found } from "../frame/CommandFailed.js"
import * as Screen from "../frame/Screen.js"
import * as Doctor from "./Doctor.js"
import * as Finding from "./Finding.js"

const strict = Options.boolean("strict").pipe(Options.withDescription("Count warnings as errors in the exit code."))

const summary = (findings: ReadonlyArray<Finding.Finding>): string => {
  const count = (level: Finding.Level) => findings.filter((finding) => finding.level === level).length
  return `${count("error")} errors, ${count("warning")} warnings`
}

export const command = Command.make("doctor", { json: Screen.json, strict }, ({ json, strict }) =>
  Effect.gen(function* () {
    const findings = yield* Doctor.findings
    const isHealthy = !findings.some(({ level }) => level === "error" || (strict && level === "warning"))
    yield* Screen.print(json, {
      lines: [...findings.flatMap(Finding.lines), "", summary(findings)],
      data: { healthy: isHealthy, findings }
    })
    if (!isHealthy) return yield* found
  })
).pipe(
  Command.withDescription(
    "Examine the servers: reach, version, rights, Lua, clock, eviction, memory, persistence, latency, slots, replicas, TLS. " +
      "Each finding says what to do. Exits with 1 when one of them is an error."
  )
)
