/**
 * Examines the servers that the variables name: whether they are reached, and whether the toolkit can work there.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { describe, type RedisAddress } from "../../redis/RedisAddress.js"
import { RedisClient } from "../../redis/RedisClient.js"
import * as RedisConfig from "../../redis/RedisConfig.js"
import type { RedisError } from "../../redis/RedisError.js"
import * as RedisExecutor from "../../redis/RedisExecutor.js"
import type { RedisStatus } from "../../redis/RedisStatus.js"
import { addressOf } from "../../redis/topology/SlotMap.js"
import { type CommandFailed, ofConfig, usage } from "../frame/CommandFailed.js"
import * as Connection from "../frame/Connection.js"
import * as Certificate from "./Certificate.js"
import * as ClusterSlots from "./ClusterSlots.js"
import type { Check, Finding } from "./Finding.js"
import * as Rights from "./Rights.js"
import * as Server from "./Server.js"
import * as ServerHealth from "./ServerHealth.js"
import * as Timing from "./Timing.js"
import * as Tracking from "./Tracking.js"

/** The address of a server that a topology has led to: of `redis://host:port/0`, or of `host:port`. */
const ledTo = (text: string, login: Pick<RedisAddress, "tls">): ReadonlyArray<RedisAddress> => {
  const node = addressOf(text.replace(/^rediss?:\/\//, "").replace(/\/\d*$/, ""))
  return node === undefined ? [] : [{ ...node, tls: login.tls }]
}

/** The servers whose certificates clients see. */
const dialled = (choice: RedisConfig.RedisChoice, status: RedisStatus): ReadonlyArray<RedisAddress> =>
  RedisConfig.RedisChoice.$match(choice, {
    Disabled: () => [],
    Unset: () => [],
    Server: ({ address }) => [address],
    Sentinel: ({ address }) => Option.toArray(status.address).flatMap((text) => ledTo(text, address)),
    Cluster: ({ address }) =>
      status.nodes === undefined || status.nodes.length === 0
        ? address.nodes.map((node) => ({ ...node, tls: address.tls }))
        : status.nodes.flatMap((node) => ledTo(node.address, address))
  })

/** The address as a person may see it. */
const said = (choice: RedisConfig.RedisChoice): string | undefined =>
  RedisConfig.RedisChoice.$match(choice, {
    Disabled: () => undefined,
    Unset: () => undefined,
    Server: ({ address }) => describe(address),
    Sentinel: ({ address }) => RedisConfig.describeSentinels(address),
    Cluster: ({ address }) => RedisConfig.describeCluster(address)
  })

const reach = (choice: RedisConfig.RedisChoice, status: RedisStatus): Finding => {
  const finding = { check: "reach", server: said(choice) } as const
  const problem = Connection.problemOf(status)
  if (problem === undefined) return { ...finding, level: "ok", message: "connected and logged in" }
  const cause = Option.getOrUndefined(status.lastFailure)
  const reason = cause !== undefined && "reason" in cause ? ` (${cause.reason})` : ""
  return { ...finding, level: "error", message: `there is no connection${reason}`, remedy: problem }
}

/** A check that the server has failed says so. The others continue. */
const orFinding = (
  check: Check,
  server: string | undefined,
  found: Effect.Effect<ReadonlyArray<Finding>, RedisError>
): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.catchAll(found, (error) =>
    Effect.succeed<ReadonlyArray<Finding>>(
      // the rights name what the user may not run
      error._tag === "RedisAuthError" && error.reason === "NoPermission"
        ? []
        : [{ check, level: "error", server, message: "the check has failed", remedy: error.message }]
    )
  )

const ofServers = (
  client: RedisClient.Service,
  choice: RedisConfig.RedisChoice,
  trackedCaches: ReadonlyArray<string>
) =>
  Effect.gen(function* () {
    const isCluster = choice._tag === "Cluster"
    const owned = `{effect-cache-doctor:${crypto.randomUUID()}}`
    const key = (kind: string) => `${owned}:${kind}`
    const nodes = RedisExecutor.nodesOf(RedisExecutor.of(client)).current()
    const connected = yield* Effect.filter(nodes, (node) => Effect.map(node.getStatus, (status) => status.connected))
    const servers = yield* Effect.forEach(connected, Server.make)
    const findings: Array<Finding> = []
    const offsets: Array<Timing.ClockOffset> = []
    // one connection hears for all servers
    const deaf = yield* Rights.subscription(client, key("channel"))
    for (const server of servers) {
      findings.push(...ServerHealth.findings(server, choice._tag !== "Server"))
      const rights = yield* Rights.findings(server, key, isCluster)
      findings.push(...(deaf.length === 0 ? rights : rights.filter(({ level }) => level !== "ok")))
      findings.push(...(yield* Rights.lua(server)))
      const clock = Effect.map(Timing.clockOffset(server), (offset) => {
        if (offset === undefined) return []
        offsets.push(offset)
        return [Timing.clock(offset)]
      })
      findings.push(...(yield* orFinding("clock", server.address, clock)))
      const latency = Effect.map(Timing.latency(server), (finding) => [finding])
      findings.push(...(yield* orFinding("latency", server.address, latency)))
    }
    findings.push(...Timing.clocksOfCluster(offsets), ...deaf)
    findings.push(...(yield* Tracking.findings(client, key("tracking"), trackedCaches)))
    if (isCluster) findings.push(...(yield* orFinding("slots", undefined, ClusterSlots.findings(servers))))
    return findings
  })

/** A replica is examined too. The answers of a server that refuses much are findings, and no reason to send no more. */
const examining = { allowReplica: true, circuitBreaker: { failureRate: 1, minimumCalls: 1_000_000 } } as const

/** What is found of the servers that the variables name. `trackedCaches` are those that ask for `local.tracking`. */
export const findings = (trackedCaches: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Finding>, CommandFailed> =>
  Effect.gen(function* () {
    const choice = yield* Effect.mapError(RedisConfig.config, ofConfig)
    if (choice._tag === "Disabled") {
      return yield* usage("Redis is switched off by REDIS_ENABLED=false: unset it to run this command")
    }
    return yield* Effect.gen(function* () {
      const client = yield* RedisClient
      const status = yield* client.getStatus
      const certificates = Effect.map(Effect.forEach(dialled(choice, status), Certificate.findings), (each) =>
        each.flat()
      )
      return [
        reach(choice, status),
        ...(yield* certificates),
        ...(status.connected ? yield* ofServers(client, choice, trackedCaches) : [])
      ]
    }).pipe(Connection.provideAny(examining))
  })
