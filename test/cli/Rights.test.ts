import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as RunCli from "../support/cli/RunCli.js"
import { root } from "../support/root.js"
import * as RedisServer from "../support/server/RedisServer.js"

/** The rights of the line that docs/servers.md recommends. */
const documented = (
  /^ACL SETUSER toolkit on >password (.*)$/m.exec(readFileSync(join(root, "docs/servers.md"), "utf8"))?.[1] ?? ""
).split(" ")

/** What a check cannot try: it would empty the database, end the check, or take its connection. */
const untried = new Set(["+flushdb", "+ping", "+select", "+unsubscribe"])

const toReport = Schema.decodeUnknownSync(
  Schema.Struct({
    findings: Schema.Array(
      Schema.Struct({
        check: Schema.String,
        level: Schema.String,
        message: Schema.String,
        remedy: Schema.optional(Schema.String)
      })
    )
  })
)

/** The findings of a user with these rights. */
const findingsOf = (
  { port, send }: RedisServer.RedisServer,
  rights: ReadonlyArray<string>,
  ...words: ReadonlyArray<string>
) =>
  Effect.gen(function* () {
    yield* send("ACL", "SETUSER", "toolkit", "reset", "on", ">password", ...rights)
    const variables = { REDIS_URL: `redis://toolkit:password@127.0.0.1:${port}` }
    return toReport(RunCli.json(yield* RunCli.run(variables, "doctor", "--json", ...words))).findings
  })

const rightsOf = (server: RedisServer.RedisServer, rights: ReadonlyArray<string>) =>
  Effect.map(findingsOf(server, rights), (findings) => findings.filter(({ check }) => check === "rights"))

/** The rights that `local.tracking` needs beside them, as docs/servers.md says. */
const ofTracking = ["+client|tracking", "&__redis__:invalidate"]

const caches = fileURLToPath(new URL("../support/cli/WarmedCaches.ts", import.meta.url))

describe("effect-cache doctor", () => {
  it.scopedLive(
    "is content with the user of docs/servers.md, and names each right of that line that a user lacks",
    (context) =>
      Effect.gen(function* () {
        const reason = RedisServer.skipReasonFor("rights by subcommand", "rights by channel")
        if (reason !== undefined) return context.skip(reason)
        const server = yield* RedisServer.make()
        expect(documented.length).toBeGreaterThan(40)
        expect((yield* rightsOf(server, documented)).map(({ level }) => level)).toEqual(["ok"])
        for (const right of documented) {
          if (!right.startsWith("+") || untried.has(right)) continue
          const found = yield* rightsOf(
            server,
            documented.filter((other) => other !== right)
          )
          const command = right.slice(1).replace("|", " ").toUpperCase()
          expect(found.map(({ message }) => message).join("\n")).toContain(command)
          expect(found.every(({ level }) => level === "error" || level === "warning")).toBe(true)
        }
      })
  )

  it.scopedLive("says whether a user may track, and warns of a cache of the module that cannot", (context) =>
    Effect.gen(function* () {
      const reason = RedisServer.skipReasonFor("rights by subcommand", "rights by channel", "CLIENT TRACKING by prefix")
      if (reason !== undefined) return context.skip(reason)
      const server = yield* RedisServer.make()
      const page = readFileSync(join(root, "docs/servers.md"), "utf8")
      for (const right of ofTracking) expect(page).toContain(right)
      // with no right to any channel but those of the toolkit
      const few = documented.map((right) => (right === "&*" ? "&effect-cache*" : right))
      const tracking = (missing: string, ...words: ReadonlyArray<string>) =>
        Effect.map(
          findingsOf(server, [...few, "&{effect-cache*", ...ofTracking.filter((right) => right !== missing)], ...words),
          (findings) => findings.filter(({ check }) => check === "tracking")
        )
      expect(yield* tracking("none")).toMatchObject([{ level: "ok" }])
      for (const right of ofTracking) {
        const remedy = expect.stringContaining(right)
        const module = ["--module", caches, "--export", "default", "--export"]
        expect(yield* tracking(right)).toMatchObject([{ level: "note", remedy }])
        expect(yield* tracking(right, ...module, "seats")).toMatchObject([{ level: "note", remedy }])
        const message = expect.stringMatching(/^tracked will not hear changes by other programs: .*permission/)
        expect(yield* tracking(right, ...module, "tracked")).toMatchObject([{ level: "warning", message, remedy }])
      }
    })
  )

  it.scopedLive("distinguishes the keys and the channels that a user may not use from the commands", (context) =>
    Effect.gen(function* () {
      const reason = RedisServer.skipReasonFor("rights by subcommand", "rights by channel")
      if (reason !== undefined) return context.skip(reason)
      const server = yield* RedisServer.make()
      const withoutKeys = documented.map((right) => (right === "~*" ? "~user:*" : right))
      expect((yield* rightsOf(server, withoutKeys))[0]?.message).toContain("key patterns refuse")
      const withoutChannels = documented.map((right) => (right === "&*" ? "resetchannels" : right))
      const found = yield* rightsOf(server, withoutChannels)
      expect(found.map(({ level }) => level)).toEqual(["warning", "warning"])
      for (const { message } of found) expect(message).toContain("channel patterns refuse")
    })
  )
})
