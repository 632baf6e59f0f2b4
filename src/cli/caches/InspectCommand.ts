/**
 * `effect-cache inspect <cache> <key>`.
 *
 * @internal
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import { RedisClient } from "../../redis/RedisClient.js"
import { found, ofRedis } from "../frame/CommandFailed.js"
import * as Connection from "../frame/Connection.js"
import * as Screen from "../frame/Screen.js"
import * as Time from "../frame/Time.js"
import * as CacheArguments from "./CacheArguments.js"
import * as Inspection from "./Inspection.js"

const key = Args.text({ name: "key" }).pipe(
  Args.withDescription("The key as the application has it: a text, or the JSON of an object or array.")
)

const row = (name: string, value: string | number | undefined): ReadonlyArray<ReadonlyArray<string>> =>
  value === undefined ? [] : [[name, Screen.plain(String(value))]]

const kept = (millis: number | null | undefined): string =>
  millis === null || millis === undefined ? "until it is evicted" : Time.shown(millis)

const leaseRow = ({ leaseMillis }: Inspection.Inspection) =>
  row(
    "lookup",
    leaseMillis === undefined || leaseMillis === null
      ? undefined
      : `a process runs it now; its lease ends in ${Time.shown(leaseMillis)}`
  )

const linesOf = (entry: Inspection.Inspection): ReadonlyArray<string> => {
  if (!entry.found) return Screen.table([...row("key", entry.key), ...row("state", "not in Redis"), ...leaseRow(entry)])
  if (entry.state === undefined) {
    return Screen.table([
      ...row("key", entry.key),
      ...row("state", `no entry of a cache, but a ${entry.type}: a read looks the value up`),
      ...row("kept for", kept(entry.keptForMillis)),
      ...leaseRow(entry)
    ])
  }
  const fresh = entry.freshForMillis ?? 0
  return Screen.table([
    ...row("key", entry.key),
    ...row("state", entry.reason === undefined ? entry.state : `${entry.state}: ${entry.reason}`),
    ...row("created", `${entry.created} (${Time.shown(entry.ageMillis ?? 0)} ago)`),
    ...row("fresh for", fresh > 0 ? Time.shown(fresh) : `stale since ${Time.shown(-fresh)}`),
    ...row("kept for", kept(entry.keptForMillis)),
    ...row("tags", entry.tags?.join(", ") || "none"),
    ...row("schema", `version ${entry.version}`),
    ...row("version tag", entry.versionTag),
    ...row("encoding", entry.encoding),
    ...row("size", `${entry.bytes} bytes`),
    ...leaseRow(entry),
    ...row(
      entry.kind ?? "value",
      entry.value === undefined ? "not readable here: the application has the key" : JSON.stringify(entry.value)
    )
  ])
}

export const command = Command.make(
  "inspect",
  { cache: CacheArguments.cache, key, text: CacheArguments.text, json: Screen.json },
  ({ cache, json, key, text }) =>
    Effect.gen(function* () {
      yield* CacheArguments.checkName(cache)
      const written = yield* CacheArguments.written(key, text)
      const stored = yield* CacheArguments.keyOf(cache, written)
      const entry = yield* RedisClient.pipe(
        Effect.flatMap((client) => Effect.mapError(Inspection.inspect(client, cache, stored), ofRedis)),
        Connection.provide()
      )
      yield* Screen.print(json, { lines: linesOf(entry), data: entry })
      if (!entry.found) return yield* found
    })
).pipe(
  Command.withDescription(
    "Show an entry of Redis: value, age, time left, tags, encoding, size, and whether a cache would serve it. " +
      "Exits with 1 when there is none."
  )
)
