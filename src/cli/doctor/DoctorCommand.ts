/**
 * `effect-cache doctor`.
 *
 * @internal
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CommandFailed, found } from "../frame/CommandFailed.js"
import * as Screen from "../frame/Screen.js"
import * as Doctor from "./Doctor.js"
import * as Finding from "./Finding.js"
import type { CacheAdvice } from "./ModuleAdvice.js"

const strict = Options.boolean("strict").pipe(Options.withDescription("Count warnings as errors in the exit code."))

const summary = (findings: ReadonlyArray<Finding.Finding>): string => {
  const count = (level: Finding.Level) => findings.filter((finding) => finding.level === level).length
  const counted = (level: "error" | "warning") => `${count(level)} ${level}${count(level) === 1 ? "" : "s"}`
  return `${counted("error")}, ${counted("warning")}`
}

const module = Options.text("module").pipe(
  Options.optional,
  Options.withDescription(
    "Look for contradictions in the options of the caches that this module of the application exports."
  )
)

const exportNames = Options.text("export").pipe(
  Options.repeated,
  Options.withDescription("The names of those exports: default the default export.")
)

/** The options of the module's caches; none without a module. */
const adviceOf = (module: Option.Option<string>, names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    if (Option.isNone(module)) return []
    const { resolve } = yield* Path.Path
    // outside of the bundle: see ApplicationModule
    const { of } = yield* Effect.promise(() => import("./ModuleAdvice.js"))
    const advised = yield* Effect.promise(() => of(resolve(module.value), names.length === 0 ? ["default"] : names))
    // by its tag alone: it is made by the application's Effect
    if (advised._tag === "Left") return yield* new CommandFailed(advised.left)
    return advised.right
  })

const ofAdvice = ({ advice, cache }: CacheAdvice): ReadonlyArray<Finding.Finding> => {
  const finding = { check: "options", server: undefined } as const
  return advice.length === 0
    ? [{ ...finding, level: "ok", message: `the options of the cache ${cache} fit together` }]
    : advice.map((sentence) => ({
        ...finding,
        level: "warning",
        message: `cache ${cache}: ${sentence}`,
        remedy: "change one of these options; docs/operating.md says what each pair does"
      }))
}

const given = { json: Screen.json, strict, module, exportNames }

export const command = Command.make("doctor", given, ({ exportNames, json, module, strict }) =>
  Effect.gen(function* () {
    const advised = yield* adviceOf(module, exportNames)
    const tracked = advised.filter(({ isTracked }) => isTracked).map(({ cache }) => cache)
    const findings = [...(yield* Doctor.findings(tracked)), ...advised.flatMap(ofAdvice)]
    const isHealthy = !findings.some(({ level }) => level === "error" || (strict && level === "warning"))
    yield* Screen.print(json, {
      lines: [...findings.flatMap(Finding.lines), "", summary(findings)],
      data: { healthy: isHealthy, findings }
    })
    if (!isHealthy) return yield* found
  })
).pipe(
  Command.withDescription(
    "Examine the servers: reach, version, rights, Lua, clock, eviction, memory, persistence, latency, slots, replicas, TLS, tracking, and by --module the options of caches. " +
      "Each finding says what to do. Exits with 1 when one of them is an error."
  )
)
