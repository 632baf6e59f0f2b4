/**
 * A primary and two replicas under the watch of three sentinels, for a test: on loopback, each in a process of its own, stopped
 * with the scope. `TEST_REDIS_SERVER` names the program, as for a single server.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Certificates from "./Certificates.js"
import * as ServerNode from "./ServerNode.js"
import * as ServerProcess from "./ServerProcess.js"

export interface SentinelsOptions extends ServerNode.SharedOptions {
  /** of the sentinels themselves */
  readonly sentinelPassword?: string | undefined
  /** servers and sentinels have a TLS port beside the plain one, know each other by it, and name it to clients */
  readonly tls?: Effect.Effect.Success<typeof Certificates.make> | undefined
  /** after so long without an answer a sentinel takes a server for down: default 500 */
  readonly downAfterMillis?: number | undefined
}

export interface SentinelNode extends ServerNode.ServerNode {
  /** the port that the others know: the one for TLS, where there is one */
  readonly knownPort: number
}

export interface RedisSentinels {
  /** the name of the primary, as sentinels know it */
  readonly master: string
  readonly servers: ReadonlyArray<SentinelNode>
  readonly sentinels: ReadonlyArray<SentinelNode>
  /** the server that the sentinels name, whatever it does */
  readonly primary: Effect.Effect<SentinelNode>
  /**
   * Waits until all running sentinels name the same running primary, and all other running servers are its replicas and up
   * to date.
   */
  readonly awaitAgreement: Effect.Effect<void>
  /** Has the sentinels promote a replica, and waits for agreement. */
  readonly failover: Effect.Effect<void>
}

const master = "the-primary"
const serverCount = 3
const quorum = 2
const failoverTimeoutMillis = 3000

/** Sentinels look at their servers every 10 seconds by default, and a failover takes some of these looks. */
const periods = ["INFO-PERIOD", "500", "PUBLISH-PERIOD", "500", "PING-PERIOD", "200", "ASK-PERIOD", "300"]

/** The settings of a TLS port, of a server and of a sentinel alike. */
const tlsSettings = (tls: SentinelsOptions["tls"], port: number): ReadonlyArray<readonly [string, string]> =>
  tls === undefined
    ? []
    : [
        ["tls-port", `${port}`],
        ["tls-replication", "yes"],
        ["tls-auth-clients", "no"],
        ["tls-cert-file", tls.certificate],
        ["tls-key-file", tls.key],
        ["tls-ca-cert-file", tls.ca]
      ]

const config = (
  { port, tlsPort }: { readonly port: number; readonly tlsPort: number },
  primaryPort: number,
  directory: string,
  options: SentinelsOptions
): string =>
  [
    `port ${port}`,
    ...tlsSettings(options.tls, tlsPort).map((setting) => setting.join(" ")),
    "bind 127.0.0.1",
    `dir ${directory}`,
    `sentinel monitor ${master} 127.0.0.1 ${primaryPort} ${quorum}`,
    `sentinel down-after-milliseconds ${master} ${options.downAfterMillis ?? 500}`,
    `sentinel failover-timeout ${master} ${failoverTimeoutMillis}`,
    `sentinel parallel-syncs ${master} ${serverCount}`,
    ...(options.password === undefined ? [] : [`sentinel auth-pass ${master} ${options.password}`]),
    ...(options.sentinelPassword === undefined
      ? []
      : [`requirepass ${options.sentinelPassword}`, `sentinel sentinel-pass ${options.sentinelPassword}`])
  ].join("\n")

/** The port of the primary that a sentinel names. */
const portNamedBy = (sentinel: ServerNode.ServerNode): Effect.Effect<number, Error> =>
  Effect.map(sentinel.attempt("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master), (reply) =>
    Array.isArray(reply) ? Number(reply[1]) : 0
  )

const field = (reply: unknown, name: string): string =>
  typeof reply === "object" && reply !== null ? String(Object.fromEntries(Object.entries(reply))[name]) : ""

/** What keeps the running sentinels and servers from being in agreement. */
const problemOf = (
  servers: ReadonlyArray<SentinelNode>,
  sentinels: ReadonlyArray<SentinelNode>
): Effect.Effect<string | undefined, Error> =>
  Effect.gen(function* () {
    const running = servers.filter((server) => server.isRunning())
    let primaryPort: number | undefined
    for (const sentinel of sentinels.filter((each) => each.isRunning())) {
      const port = yield* portNamedBy(sentinel)
      primaryPort ??= port
      if (port !== primaryPort) return `sentinel ${sentinel.port} names ${port}, and another ${primaryPort}`
      const state = yield* sentinel.attempt("SENTINEL", "MASTER", master)
      const [flags, others, replicas] = ["flags", "num-other-sentinels", "num-slaves"].map((name) => field(state, name))
      if (flags !== "master") return `sentinel ${sentinel.port} calls the primary ${flags}`
      if (Number(others) < sentinels.length - 1) return `sentinel ${sentinel.port} knows ${others} others`
      if (Number(replicas) < running.length - 1) return `sentinel ${sentinel.port} knows ${replicas} replicas`
    }
    for (const server of running) {
      const info = String(yield* server.attempt("INFO", "replication"))
      const isPrimary = server.knownPort === primaryPort
      if (isPrimary !== /^role:master/m.test(info)) return `${server.port} does not have its role yet`
      if (!isPrimary && !new RegExp(`^master_port:${primaryPort}\r?$`, "m").test(info)) {
        return `${server.port} follows another server`
      }
      if (!isPrimary && !/^master_link_status:up/m.test(info)) return `${server.port} has no link to the primary`
    }
    return running.some(({ knownPort }) => knownPort === primaryPort)
      ? undefined
      : `the primary ${primaryPort} does not run`
  })

export const make = (options: SentinelsOptions = {}): Effect.Effect<RedisSentinels, never, Scope.Scope> =>
  Effect.gen(function* () {
    const directory = yield* ServerProcess.temporaryDirectory("redis-sentinels-")
    const directoryOf = (name: string) =>
      Effect.sync(() => {
        const path = join(directory, name)
        mkdirSync(path)
        return path
      })

    const tlsPortOf = options.tls === undefined ? Effect.succeed(0) : ServerProcess.freePort
    const servers: Array<SentinelNode> = []
    for (let i = 0; i < serverCount; i++) {
      const own = yield* directoryOf(`server-${i}`)
      const first = servers[0]
      const tlsPort = yield* tlsPortOf
      const server = yield* ServerNode.make({
        password: options.password,
        environment: options.environment?.(i),
        args: (port) => [
          ...ServerNode.sharedArgs(options, port, own),
          ...tlsSettings(options.tls, tlsPort).flatMap(([name, value]) => [`--${name}`, value]),
          ...(first === undefined ? [] : ["--replicaof", "127.0.0.1", `${first.knownPort}`])
        ]
      })
      yield* server.start
      servers.push({ ...server, knownPort: tlsPort || server.port })
    }

    const sentinels = yield* Effect.forEach(
      [0, 1, 2],
      (i) =>
        Effect.gen(function* () {
          const own = yield* directoryOf(`sentinel-${i}`)
          const file = join(own, "sentinel.conf")
          const tlsPort = yield* tlsPortOf
          const sentinel = yield* ServerNode.make({
            password: options.sentinelPassword,
            args: () => [file, "--sentinel"]
          })
          // a sentinel keeps what it learns in its file, and starts again with it
          const ports = { port: sentinel.port, tlsPort }
          writeFileSync(file, config(ports, servers[0]?.knownPort ?? 0, own, options))
          const start = Effect.zipRight(sentinel.start, sentinel.send("SENTINEL", "DEBUG", ...periods))
          yield* start
          return { ...sentinel, start, knownPort: tlsPort || sentinel.port }
        }),
      { concurrency: "unbounded" }
    )
    const awaitAgreement = ServerNode.awaitAgreement(problemOf(servers, sentinels))
    yield* awaitAgreement

    const primary = Effect.suspend(() => {
      const asked = sentinels.find((sentinel) => sentinel.isRunning())
      return asked === undefined ? Effect.dieMessage("no sentinel runs") : Effect.orDie(portNamedBy(asked))
    }).pipe(
      Effect.flatMap((named) => {
        const server = servers.find(({ knownPort }) => knownPort === named)
        return server === undefined ? Effect.dieMessage(`no server has port ${named}`) : Effect.succeed(server)
      })
    )
    return {
      master,
      servers,
      sentinels,
      primary,
      awaitAgreement,
      failover: Effect.gen(function* () {
        const before = yield* primary
        const asked = sentinels.find((sentinel) => sentinel.isRunning())
        // a failover may come to nothing, when no replica is up to date
        yield* ServerNode.awaitAgreement(
          Effect.gen(function* () {
            if ((yield* primary).port !== before.port) return undefined
            const rejection = yield* Effect.flip(asked?.attempt("SENTINEL", "FAILOVER", master) ?? Effect.void).pipe(
              Effect.orElseSucceed(() => new Error("begun"))
            )
            return `${before.port} is still the primary: ${rejection.message}`
          })
        )
        yield* awaitAgreement
      })
    }
  })
