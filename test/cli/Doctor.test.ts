import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as RunCli from "../support/cli/RunCli.js"
import * as Certificates from "../support/server/Certificates.js"
import * as RedisCluster from "../support/server/RedisCluster.js"
import * as RedisSentinels from "../support/server/RedisSentinels.js"
import * as RedisServer from "../support/server/RedisServer.js"
import * as ServerNode from "../support/server/ServerNode.js"
import * as ServerProcess from "../support/server/ServerProcess.js"
import * as SkewedClock from "../support/server/SkewedClock.js"

const Report = Schema.Struct({
  healthy: Schema.Boolean,
  findings: Schema.Array(
    Schema.Struct({
      check: Schema.String,
      level: Schema.Literal("ok", "note", "warning", "error"),
      server: Schema.optional(Schema.String),
      message: Schema.String,
      remedy: Schema.optional(Schema.String)
    })
  )
})

const caches = fileURLToPath(new URL("../support/cli/WarmedCaches.ts", import.meta.url))

const toReport = Schema.decodeUnknownSync(Report)

interface Case {
  /** completes the title: `effect-cache doctor names …` */
  readonly what: string
  readonly variables: Effect.Effect<RunCli.Variables, never, Scope.Scope>
  readonly check: string
  readonly level: "warning" | "error"
  readonly message: RegExp
  readonly remedy: RegExp
  readonly skipped?: string | undefined
}

const tlsArgs = ({ ca, certificate, key }: Effect.Effect.Success<typeof Certificates.make>, port: number) => [
  ...["--tls-port", `${port}`, "--tls-auth-clients", "no"],
  ...["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ca]
]

/** The variables of a server with a TLS port, whose authority `trusted` chooses. */
const overTls = (trusted: "ca" | "otherCa") =>
  Effect.gen(function* () {
    const certificates = yield* Certificates.make
    const port = yield* ServerProcess.freePort
    yield* RedisServer.make({ args: tlsArgs(certificates, port) })
    return { REDIS_URL: `rediss://localhost:${port}`, REDIS_TLS_CA_FILE: certificates[trusted] }
  })

const cases: ReadonlyArray<Case> = [
  {
    what: "a wrong password",
    variables: Effect.map(RedisServer.make({ password: "right" }), ({ port }) => ({
      REDIS_HOST: "127.0.0.1",
      REDIS_PORT: `${port}`,
      REDIS_PASSWORD: "wrong-password"
    })),
    check: "reach",
    level: "error",
    message: /no connection \(WrongPassword\)/,
    remedy: /check REDIS_URL, or REDIS_USERNAME and REDIS_PASSWORD/
  },
  {
    what: "a user without EVAL",
    variables: Effect.gen(function* () {
      const server = yield* RedisServer.make()
      yield* server.send("ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-eval")
      return { REDIS_URL: `redis://app:secret@127.0.0.1:${server.port}` }
    }),
    check: "rights",
    level: "error",
    message: /may not run EVAL: caches store nothing/,
    remedy: /ACL SETUSER <user> \+eval\b/,
    skipped: RedisServer.skipReasonFor("rights by subcommand")
  },
  {
    what: "a replica",
    variables: Effect.gen(function* () {
      const primary = yield* RedisServer.make()
      const replica = yield* RedisServer.make({ args: ["--replicaof", "127.0.0.1", `${primary.port}`] })
      return { REDIS_URL: replica.url }
    }),
    check: "role",
    level: "error",
    message: /it is a replica of 127\.0\.0\.1:\d+ and takes no writes/,
    remedy: /name the primary's address in REDIS_URL/,
    skipped: RedisServer.skipReasonFor("replicas")
  },
  {
    what: "a server that does not evict at its memory limit",
    variables: Effect.map(
      RedisServer.make({ args: ["--maxmemory", "700kb", "--maxmemory-policy", "noeviction"] }),
      ({ url }) => ({ REDIS_URL: url })
    ),
    check: "memory",
    level: "error",
    message: /noeviction: it refuses writes \(OOM\)/,
    remedy: /CONFIG SET maxmemory .*maxmemory-policy allkeys-lru/,
    skipped: RedisServer.skipReasonFor("a few megabytes of memory")
  },
  {
    what: "a cluster with a slot that no server holds",
    variables: Effect.gen(function* () {
      const { nodes } = yield* RedisCluster.make()
      for (const node of nodes) yield* node.attempt("CLUSTER", "DELSLOTS", "1234").pipe(Effect.ignore)
      return { REDIS_CLUSTER_NODES: nodes.map(({ port }) => `127.0.0.1:${port}`).join(",") }
    }),
    check: "slots",
    level: "error",
    message: /1 slots have no server: 1234;/,
    remedy: /redis-cli --cluster fix/,
    skipped: RedisServer.skipReasonFor("cluster mode")
  },
  {
    what: "a clock that is 10 seconds off",
    variables: Effect.gen(function* () {
      const environment = (yield* SkewedClock.make)(10)
      const directory = yield* ServerProcess.temporaryDirectory("skewed-server-")
      const node = yield* ServerNode.make({ environment, args: (port) => ServerNode.sharedArgs({}, port, directory) })
      yield* node.start
      return { REDIS_URL: node.url }
    }),
    check: "clock",
    level: "warning",
    message: /the server's clock is (9\.9|10\.\d) s ahead of this machine's/,
    remedy: /let NTP set both clocks/,
    skipped: RedisServer.skipReason ?? SkewedClock.skipReason
  },
  {
    what: "a certificate of an authority that is not trusted",
    variables: overTls("otherCa"),
    check: "tls",
    level: "error",
    message: /not trusted \(.+\): it is signed by "ca"/,
    remedy: /authority "ca" in REDIS_TLS_CA_FILE/,
    skipped: RedisServer.skipReasonFor("TLS beside a plain port")
  },
  {
    what: "a certificate that ends soon",
    variables: overTls("ca"),
    check: "tls",
    level: "warning",
    message: /the certificate expires in 1 days/,
    remedy: /renew it now/,
    skipped: RedisServer.skipReasonFor("TLS beside a plain port")
  },
  {
    what: "a server that nothing bounds",
    variables: Effect.map(RedisServer.make(), ({ url }) => ({ REDIS_URL: url })),
    check: "memory",
    level: "warning",
    message: /no maxmemory/,
    remedy: /CONFIG SET maxmemory 512mb/
  },
  {
    what: "an address at which nothing listens",
    variables: Effect.map(ServerProcess.freePort, (port) => ({ REDIS_URL: `redis://127.0.0.1:${port}` })),
    check: "reach",
    level: "error",
    message: /no connection \(Refused\)/,
    remedy: /nothing accepts connections there: check the host and port/
  }
]

describe("effect-cache doctor", () => {
  it.scopedLive("finds nothing wrong with a healthy server, and leaves no key there", (context) =>
    Effect.gen(function* () {
      if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
      const server = yield* RedisServer.make({ evictsBeyondMegabytes: 100, keepsData: true })
      const output = yield* RunCli.run({ REDIS_URL: server.url }, "doctor", "--strict", "--json")
      const { findings, healthy } = toReport(RunCli.json(output))
      expect(findings.filter(({ level }) => level === "error" || level === "warning")).toEqual([])
      expect(healthy).toBe(true)
      expect(output.exitCode).toBe(0)
      expect(new Set(findings.map(({ check }) => check))).toEqual(
        new Set(
          "reach version role replicas eviction memory clients persistence rights lua clock latency tracking".split(" ")
        )
      )
      expect(yield* server.send("DBSIZE")).toBe(0)
    })
  )

  it.scopedLive("finds nothing wrong with a healthy cluster, server by server", (context) =>
    Effect.gen(function* () {
      const reason = RedisServer.skipReasonFor("cluster mode")
      if (reason !== undefined) return context.skip(reason)
      const { nodes } = yield* RedisCluster.make({ args: ["--maxmemory", "100mb"] })
      const output = yield* RunCli.run({ REDIS_CLUSTER_NODES: `127.0.0.1:${nodes[0]?.port}` }, "doctor", "--json")
      const { findings, healthy } = toReport(RunCli.json(output))
      expect(findings.filter(({ level }) => level === "error")).toEqual([])
      expect(healthy).toBe(true)
      expect(findings.filter(({ check, level }) => check === "slots" && level === "ok")).toHaveLength(3)
      expect(findings.filter(({ check, message }) => check === "replicas" && message === "1 in step")).toHaveLength(3)
    })
  )

  it.scopedLive("examines the primary that sentinels name", (context) =>
    Effect.gen(function* () {
      const reason = RedisServer.skipReasonFor("Sentinel")
      if (reason !== undefined) return context.skip(reason)
      const { awaitAgreement, master, primary, sentinels } = yield* RedisSentinels.make()
      yield* awaitAgreement
      const variables = {
        REDIS_SENTINELS: sentinels.map(({ port }) => `127.0.0.1:${port}`).join(","),
        REDIS_SENTINEL_MASTER: master
      }
      const { findings, healthy } = toReport(RunCli.json(yield* RunCli.run(variables, "doctor", "--json")))
      expect(healthy).toBe(true)
      const server = `redis://127.0.0.1:${(yield* primary).port}/0`
      expect(findings).toContainEqual({ check: "role", level: "ok", server, message: "it is a primary" })
      expect(findings).toContainEqual({ check: "replicas", level: "ok", server, message: "2 in step" })
    })
  )

  it.scopedLive(
    "names the options of a module's caches that contradict each other, and builds them without a server",
    (context) =>
      Effect.gen(function* () {
        if (RedisServer.skipReason !== undefined) return context.skip(RedisServer.skipReason)
        const server = yield* RedisServer.make()
        const words = ["doctor", "--module", caches, "--export", "default", "--export", "contradictory", "--json"]
        const { findings } = toReport(RunCli.json(yield* RunCli.run({ REDIS_URL: server.url }, ...words)))
        expect(findings.filter(({ check }) => check === "options")).toEqual([
          { check: "options", level: "ok", message: "the options of the cache warmed:user fit together" },
          {
            check: "options",
            level: "warning",
            message: expect.stringMatching(
              /^cache contradictory: local\.timeToLive \(1h\) is longer than timeToLive \(1m\)/
            ),
            remedy: expect.stringContaining("docs/operating.md")
          }
        ])
        expect(yield* server.send("DBSIZE")).toBe(0)
        const wrong = yield* RunCli.run({ REDIS_URL: server.url }, "doctor", "--module", caches, "--export", "nothing")
        expect(wrong).toMatchObject({ exitCode: 2, err: [expect.stringContaining("the export nothing of")] })
      })
  )

  for (const { check, level, message, remedy, skipped, variables, what } of cases) {
    it.scopedLive(`names ${what} and prints the remedy`, (context) =>
      Effect.gen(function* () {
        const reason = skipped ?? RedisServer.skipReason
        if (reason !== undefined) return context.skip(reason)
        const given = yield* variables
        const output = yield* RunCli.run(given, "doctor", "--json")
        const { findings, healthy } = toReport(RunCli.json(output))
        const found = findings.filter((finding) => finding.check === check && finding.level === level)
        expect(found.map((finding) => finding.message)).toEqual(
          expect.arrayContaining([expect.stringMatching(message)])
        )
        expect(found.map((finding) => finding.remedy)).toEqual(expect.arrayContaining([expect.stringMatching(remedy)]))
        expect(healthy).toBe(level !== "error")
        expect(output.exitCode).toBe(level === "error" ? 1 : 0)

        const read = yield* RunCli.run(given, "doctor", "--strict")
        expect(read.all).toMatch(message)
        expect(read.all).toMatch(remedy)
        expect(read.exitCode).toBe(1)
      })
    )
  }
})
