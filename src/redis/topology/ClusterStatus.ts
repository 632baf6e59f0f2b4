/**
 * The status of a cluster, of those of its nodes.
 *
 * @internal
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { RedisConnectError } from "../RedisError.js"
import {
  type CircuitState,
  ConnectionState,
  type NodeStatus,
  type RedisStatus,
  type ServerLimitation
} from "../RedisStatus.js"
import type { ClusterNode } from "./ClusterNode.js"
import type { ClusterNodes } from "./ClusterNodes.js"

interface NodeReport {
  readonly name: string
  readonly status: RedisStatus
}

/** Some slots have no server. */
const uncovered = new RedisConnectError({ reason: "Rejected", detail: "the cluster has slots that no server holds" })

/** The status of no server. */
export const none: RedisStatus = {
  state: ConnectionState.Connecting(),
  connected: false,
  address: Option.none(),
  bufferedAmount: 0,
  inFlight: 0,
  waiting: 0,
  circuit: "Closed",
  generation: 0,
  server: Option.none(),
  latency: Option.none(),
  clockOffsetMillis: 0,
  lastFailure: Option.some(uncovered)
}

const sumOf = (reports: ReadonlyArray<NodeReport>, field: "bufferedAmount" | "inFlight" | "waiting") =>
  reports.reduce((total, { status }) => total + status[field], 0)

/** The state of the client: connected when every node is, and otherwise the state of the first node that is not. */
const stateOf = (reports: ReadonlyArray<NodeReport>, nodes: ClusterNodes): ConnectionState => {
  if (nodes.isClosed()) return ConnectionState.Disabled()
  const broken = reports.find(({ status }) => !status.connected)
  if (broken !== undefined) return broken.status.state
  if (reports.length > 0 && nodes.isWhole()) {
    return ConnectionState.Connected({ generation: Math.max(...reports.map(({ status }) => status.generation)) })
  }
  const cause = nodes.failure() ?? (reports.length > 0 ? uncovered : undefined)
  return cause === undefined
    ? ConnectionState.Connecting()
    : ConnectionState.Reconnecting({ attempt: 1, nextIn: Duration.seconds(1), cause })
}

const circuitOf = (states: ReadonlyArray<CircuitState>): CircuitState =>
  states.length === 0 || states.includes("Closed") ? "Closed" : (states[0] ?? "Closed")

const reportsOf = (nodes: ReadonlyArray<ClusterNode>): Effect.Effect<ReadonlyArray<NodeReport>> =>
  Effect.forEach(nodes, ({ getStatus, name }) => Effect.map(getStatus, (status) => ({ name, status })))

/** What any server refuses, each once. */
const limitationsOf = (reports: ReadonlyArray<NodeReport>): ReadonlyArray<ServerLimitation> => {
  const found = new Map<string, ServerLimitation>()
  for (const { status } of reports) {
    for (const each of status.limitations ?? []) found.set(`${each.command} ${each.reason}`, each)
  }
  return Array.from(found.values())
}

const nodeStatus = ({ name, status }: NodeReport, nodes: ClusterNodes): NodeStatus => ({
  address: name,
  state: status.state,
  circuit: status.circuit,
  latency: status.latency,
  slots: nodes.rangesOf(name)
})

export const status = (nodes: ClusterNodes): Effect.Effect<RedisStatus> =>
  Effect.map(
    Effect.suspend(() => reportsOf(nodes.all())),
    (reports) => {
      const first = reports[0]?.status
      const failures = reports.flatMap(({ status }) => Option.toArray(status.lastFailure))
      return {
        state: stateOf(reports, nodes),
        connected: reports.some(({ status }) => status.connected),
        bufferedAmount: sumOf(reports, "bufferedAmount"),
        inFlight: sumOf(reports, "inFlight"),
        waiting: sumOf(reports, "waiting"),
        circuit: circuitOf(reports.filter(({ status }) => status.connected).map(({ status }) => status.circuit)),
        generation: Math.max(0, ...reports.map(({ status }) => status.generation)),
        server: first?.server ?? Option.none(),
        limitations: limitationsOf(reports),
        address: Option.none(),
        latency: Option.reduceCompact(
          reports.map(({ status }) => status.latency),
          Duration.zero,
          Duration.max
        ).pipe(Option.liftPredicate((latency) => Duration.greaterThan(latency, Duration.zero))),
        clockOffsetMillis: first?.clockOffsetMillis ?? 0,
        lastFailure: Option.fromNullable(nodes.failure() ?? failures[0]),
        nodes: reports.map((report) => nodeStatus(report, nodes))
      }
    }
  )

/** Emits whenever the nodes, or the state of one, have changed. */
const ticks = <A>(nodes: ClusterNodes, of: (node: ClusterNode) => Stream.Stream<A>): Stream.Stream<unknown> =>
  Stream.flatMap(
    nodes.changes,
    (nodes) =>
      nodes.length === 0 ? Stream.make(undefined) : Stream.mergeAll(nodes.map(of), { concurrency: "unbounded" }),
    { switch: true }
  )

export const states = (nodes: ClusterNodes): Stream.Stream<ConnectionState> =>
  ticks(nodes, ({ statusChanges }) => statusChanges).pipe(
    Stream.mapEffect(() => status(nodes)),
    Stream.map(({ state }) => state),
    Stream.changes
  )

export const circuits = (nodes: ClusterNodes): Stream.Stream<CircuitState> =>
  ticks(nodes, ({ circuitChanges }) => circuitChanges).pipe(
    Stream.mapEffect(() => status(nodes)),
    Stream.map(({ circuit }) => circuit),
    Stream.changes
  )
