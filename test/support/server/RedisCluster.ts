/**
 * A cluster for a test: three primaries and three replicas on loopback, each in a process of its own, stopped with the scope.
 * `TEST_REDIS_SERVER` names the program, as for a single server.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as AdminConnection from "./AdminConnection.js"
import type * as Certificates from "./Certificates.js"
import * as ServerNode from "./ServerNode.js"
import * as ServerProcess from "./ServerProcess.js"

export interface ClusterOptions extends ServerNode.SharedOptions {
  /** each node has a TLS port beside the plain one, and announces it to clients of TLS */
  readonly tls?: Effect.Effect.Success<typeof Certificates.make> | undefined
  /** after which time without an answer a primary is replaced: default 2000 */
  readonly nodeTimeoutMillis?: number | undefined
}

export interface ClusterNode extends ServerNode.ServerNode {
  /** the port for TLS; 0 without `tls` */
  readonly tlsPort: number
}

/** What one node says of another. */
export interface NodeView {
  readonly node: ClusterNode
  readonly id: string
  readonly role: "primary" | "replica"
  /** of a replica: the primary that it follows */
  readonly primaryId: string | undefined
  /** ranges of slots, both ends included */
  readonly slots: ReadonlyArray<readonly [first: number, last: number]>
  /** orders the claims of slots: of a replica, its primary's */
  readonly configEpoch: string | undefined
  readonly failed: boolean
}

export interface RedisCluster {
  readonly nodes: ReadonlyArray<ClusterNode>
  readonly password: string | undefined
  /** all nodes, as a running one sees them */
  readonly view: Effect.Effect<ReadonlyArray<NodeView>>
  /** the primary of a slot */
  readonly ownerOf: (slot: number) => Effect.Effect<NodeView>
  /** the first replica of a primary that runs */
  readonly replicaOf: (primary: ClusterNode) => Effect.Effect<NodeView>
  /** Waits until all running nodes see the same healthy cluster, with each slot on a running node. */
  readonly awaitAgreement: Effect.Effect<void>
  /** Moves slots with their keys, each slot as `redis-cli --cluster reshard` does. Clients may be at work. */
  readonly reshard: (move: {
    readonly from: ClusterNode
    readonly to: ClusterNode
    /** the slots themselves, or how many, from the first that `from` has */
    readonly slots: number | ReadonlyArray<number>
    /**
     * how many slots move at a time: default 1. After a move of several, the replicas of the cluster may win no election for a
     * while: their primaries should live on
     */
    readonly atATime?: number | undefined
  }) => Effect.Effect<void>
  /** Makes a replica the primary without a loss, and waits for agreement. */
  readonly failover: (replica: ClusterNode) => Effect.Effect<void>
}

const slotCount = 16_384
const primaryCount = 3

const parseView = (text: string, nodes: ReadonlyArray<ClusterNode>): ReadonlyArray<NodeView> =>
  text
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [id = "", address = "", flags = "", primary = "-", , , configEpoch, , ...ranges] = line.split(" ")
      const ports = [...address.matchAll(/[:=](\d+)/g)].map(([, port]) => Number(port))
      const node = nodes.find(({ port, tlsPort }) => ports.includes(port) || (tlsPort > 0 && ports.includes(tlsPort)))
      if (node === undefined || /handshake|noaddr/.test(flags)) return []
      // a slot that is moving stands in brackets
      const slots = ranges
        .filter((range) => !range.startsWith("["))
        .map((range): readonly [number, number] => {
          const [first = 0, last = first] = range.split("-").map(Number)
          return [first, last]
        })
      const role = flags.includes("master") ? ("primary" as const) : ("replica" as const)
      const primaryId = primary === "-" ? undefined : primary
      return [{ node, id, role, primaryId, slots, configEpoch, failed: /fail/.test(flags) }]
    })

const countOf = (slots: NodeView["slots"]): number => slots.reduce((sum, [first, last]) => sum + last - first + 1, 0)

const listOf = (slots: NodeView["slots"]): ReadonlyArray<number> =>
  slots.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i))

const viewOf = (asked: ClusterNode, nodes: ReadonlyArray<ClusterNode>) =>
  Effect.map(asked.attempt("CLUSTER", "NODES"), (text) => parseView(String(text), nodes))

/** What keeps the running nodes from being one healthy cluster. */
const problemOf = (nodes: ReadonlyArray<ClusterNode>): Effect.Effect<string | undefined, Error> =>
  Effect.gen(function* () {
    const running = nodes.filter((node) => node.isRunning())
    let common: string | undefined
    for (const asked of running) {
      const seen = (yield* viewOf(asked, nodes)).filter(({ node }) => node.isRunning())
      if (seen.length < running.length) return `${asked.port} knows ${seen.length} of ${running.length} nodes`
      if (seen.some(({ failed }) => failed)) return `${asked.port} takes a node for failed`
      const served = seen.reduce((sum, { slots }) => sum + countOf(slots), 0)
      if (served < slotCount) return `${asked.port} sees ${served} slots on running nodes`
      // A replica that knows an older epoch of its primary wins no vote, and neither does one whose epoch two primaries have.
      const epochs = seen.flatMap(({ configEpoch, role }) => (role === "primary" ? [configEpoch] : []))
      if (new Set(epochs).size < epochs.length) return `${asked.port} sees one epoch twice: ${epochs.join(" ")}`
      const text = JSON.stringify(
        seen
          .map(({ configEpoch, node, primaryId, slots }) => [node.port, primaryId, configEpoch, slots])
          .sort(([left], [right]) => Number(left) - Number(right))
      )
      common ??= text
      if (text !== common) return `${asked.port} has another view`
      if (!/cluster_state:ok/.test(String(yield* asked.attempt("CLUSTER", "INFO")))) return `${asked.port} is not ok`
      if (/master_link_status:down/.test(String(yield* asked.attempt("INFO", "replication")))) {
        return `${asked.port} has no link to its primary`
      }
    }
    return undefined
  })

/** Joins nodes that have just been started, and gives them slots and primaries. */
const joinNodes = (nodes: ReadonlyArray<Started>) =>
  Effect.gen(function* () {
    for (const [i, { node }] of nodes.entries()) yield* node.send("CLUSTER", "SET-CONFIG-EPOCH", `${i + 1}`)
    const primaries = nodes.slice(0, primaryCount).map(({ node }) => node)
    const first = primaries[0]
    for (const { busPort, node } of nodes) {
      if (node === first) continue
      yield* node.send("PING")
      yield* first?.send("CLUSTER", "MEET", "127.0.0.1", `${node.tlsPort || node.port}`, `${busPort}`) ?? Effect.void
    }
    const all = nodes.map(({ node }) => node)
    yield* ServerNode.awaitAgreement(
      Effect.map(
        Effect.forEach(all, (node) => viewOf(node, all)),
        (views) => (views.every((view) => view.length === all.length) ? undefined : "not all have met")
      )
    )
    for (const [i, primary] of primaries.entries()) {
      const [from, end] = [i, i + 1].map((part) => Math.floor((part * slotCount) / primaryCount))
      yield* primary.send("CLUSTER", "ADDSLOTSRANGE", `${from}`, `${Number(end) - 1}`)
      const id = String(yield* primary.send("CLUSTER", "MYID"))
      yield* nodes[i + primaryCount]?.node.send("CLUSTER", "REPLICATE", id) ?? Effect.void
    }
    yield* ServerNode.awaitAgreement(problemOf(all))
  })

interface Started {
  readonly node: ClusterNode
  readonly busPort: number
}

const tlsArgs = (tls: NonNullable<ClusterOptions["tls"]>, port: number): ReadonlyArray<string> => [
  ...["--tls-port", `${port}`, "--tls-cluster", "yes", "--tls-replication", "yes", "--tls-auth-clients", "no"],
  ...["--tls-cert-file", tls.certificate, "--tls-key-file", tls.key, "--tls-ca-cert-file", tls.ca]
]

/** The nodes 0 to 2 begin as primaries, and the node three places further is the replica of each. */
export const make = (options: ClusterOptions = {}): Effect.Effect<RedisCluster, never, Scope.Scope> =>
  Effect.gen(function* () {
    const directory = yield* ServerProcess.temporaryDirectory("redis-cluster-")
    const started = yield* Effect.forEach(
      Array.from({ length: 2 * primaryCount }, (_, i) => i),
      (i): Effect.Effect<Started, never, Scope.Scope> =>
        Effect.gen(function* () {
          const busPort = yield* ServerProcess.freePort
          const tlsPort = options.tls === undefined ? 0 : yield* ServerProcess.freePort
          const own = join(directory, `${i}`)
          mkdirSync(own)
          const node = yield* ServerNode.make({
            password: options.password,
            environment: options.environment?.(i),
            args: (port) => [
              ...ServerNode.sharedArgs(options, port, own),
              ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", `${busPort}`],
              ...[
                "--cluster-node-timeout",
                `${options.nodeTimeoutMillis ?? 2000}`,
                "--cluster-replica-validity-factor",
                "0"
              ],
              ...["--cluster-allow-replica-migration", "no"],
              ...(options.tls === undefined ? [] : tlsArgs(options.tls, tlsPort))
            ]
          })
          yield* node.start
          return { node: { ...node, tlsPort }, busPort }
        }),
      { concurrency: "unbounded" }
    )
    yield* joinNodes(started)

    const nodes = started.map(({ node }) => node)
    const awaitAgreement = ServerNode.awaitAgreement(problemOf(nodes))
    const view = Effect.suspend(() => {
      const asked = nodes.find((node) => node.isRunning())
      return asked === undefined ? Effect.dieMessage("no node runs") : Effect.orDie(viewOf(asked, nodes))
    })
    const findIn = (what: string, isIt: (node: NodeView, all: ReadonlyArray<NodeView>) => boolean) =>
      Effect.flatMap(view, (all) => {
        const found = all.find((node) => isIt(node, all))
        return found === undefined ? Effect.dieMessage(`the cluster has no ${what}`) : Effect.succeed(found)
      })
    const viewOfNode = (wanted: ClusterNode) => findIn(`node ${wanted.port}`, ({ node }) => node.port === wanted.port)
    const auth = options.password === undefined ? [] : ["AUTH", options.password]

    return {
      nodes,
      password: options.password,
      view,
      ownerOf: (slot) =>
        findIn(`owner of slot ${slot}`, ({ slots }) => slots.some(([first, last]) => first <= slot && slot <= last)),
      replicaOf: (primary) =>
        findIn(
          `replica of ${primary.port}`,
          ({ node, primaryId }, all) =>
            node.isRunning() && all.some((other) => other.id === primaryId && other.node.port === primary.port)
        ),
      awaitAgreement,
      reshard: ({ atATime = 1, from, slots, to }) =>
        Effect.gen(function* () {
          const [source, target] = yield* Effect.all([viewOfNode(from), viewOfNode(to)])
          const moving = typeof slots === "number" ? listOf(source.slots).slice(0, slots) : slots
          const [atSource, atTarget] = yield* Effect.all([AdminConnection.open(from.url), AdminConnection.open(to.url)])
          const targetPort = `${to.tlsPort || to.port}`
          const move = async (slot: string) => {
            await atTarget("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
            await atSource("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
            while (true) {
              const keys = await atSource("CLUSTER", "GETKEYSINSLOT", slot, "100")
              if (!Array.isArray(keys) || keys.length === 0) break
              await atSource("MIGRATE", "127.0.0.1", targetPort, "", "0", "5000", "REPLACE", ...auth, "KEYS", ...keys)
            }
            // the target first, or no node would serve the slot for a moment
            await atTarget("CLUSTER", "SETSLOT", slot, "NODE", target.id)
            await atSource("CLUSTER", "SETSLOT", slot, "NODE", target.id)
          }
          yield* Effect.forEach(moving, (slot) => Effect.promise(() => move(`${slot}`)), {
            concurrency: atATime,
            discard: true
          })
          yield* awaitAgreement
        }).pipe(Effect.scoped),
      failover: (replica) => {
        const isPrimary = Effect.map(replica.attempt("ROLE"), (role) => Array.isArray(role) && role[0] === "master")
        // Redis ends a request after 5 seconds. Soon after another election it takes the votes of that one for new ones: then the
        // replica is a primary of an old epoch for a moment, and the others turn it into a replica again.
        return ServerNode.awaitAgreement(
          Effect.gen(function* () {
            if (!(yield* isPrimary)) yield* replica.attempt("CLUSTER", "FAILOVER")
            yield* Effect.repeat(isPrimary, { until: (itIs) => itIs, schedule: Schedule.spaced("20 millis") }).pipe(
              Effect.timeoutOption("6 seconds")
            )
            yield* awaitAgreement
            return (yield* isPrimary) ? undefined : `${replica.port} is no primary`
          })
        )
      }
    }
  })
