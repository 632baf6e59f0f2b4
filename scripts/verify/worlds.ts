/** The servers of `bun run verify`, and what is done to them. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as RedisCluster from "../../test/support/server/RedisCluster.js"
import * as RedisSentinels from "../../test/support/server/RedisSentinels.js"
import * as ServerNode from "../../test/support/server/ServerNode.js"
import * as ServerProcess from "../../test/support/server/ServerProcess.js"
import * as SkewedClock from "../../test/support/server/SkewedClock.js"
import * as AppendOnlyFile from "./appendOnlyFile.js"

export interface World {
  /** where clients begin: the server, the sentinels, or the nodes */
  readonly ports: readonly [number, ...ReadonlyArray<number>]
  /** the servers that hold data */
  readonly servers: ReadonlyArray<number>
  readonly master: string
  /** Whether a process notices each message that it misses. One between two servers of a cluster may be lost unnoticed. */
  readonly hearsAll: boolean
  /** how far the clocks of the servers are apart */
  readonly skewSeconds: number
  /** The servers work again when a fault returns. */
  readonly faults: Readonly<Record<string, Effect.Effect<void>>>
  /** Waits until all servers work together. */
  readonly agree: Effect.Effect<void>
}

const pause = Effect.flatMap(Random.nextIntBetween(200, 2500), Effect.sleep)

/** For how long a server acknowledges writes that it then loses. */
const lossWindow = Effect.flatMap(Random.nextIntBetween(50, 500), Effect.sleep)

/** Each server's clock is ahead of the true time by so much. A replica's clock is never that of its primary. */
const aheadSeconds = [0, 5, 2, 5, 0, 4]

const slotsOfReshard = 1000

/** The faults of a server; `agree` waits until all servers work together. */
const faultsOf = (primary: Effect.Effect<ServerNode.ServerNode>, agree: Effect.Effect<void>) => ({
  "kill -9": Effect.flatMap(primary, (server) =>
    server.kill.pipe(Effect.zipRight(pause), Effect.zipRight(server.start), Effect.zipRight(agree))
  ),
  SIGSTOP: Effect.flatMap(primary, (server) =>
    server
      .signal("SIGSTOP")
      .pipe(Effect.zipRight(pause), Effect.zipRight(server.signal("SIGCONT")), Effect.zipRight(agree))
  ),
  "connections killed": Effect.flatMap(primary, (server) =>
    Effect.asVoid(server.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
  ),
  "subscriptions killed": Effect.flatMap(primary, (server) =>
    Effect.asVoid(server.send("CLIENT", "KILL", "TYPE", "pubsub"))
  )
})

/** A failover to a replica that has not got the last acknowledged writes. */
const failoverWithLoss = (
  primary: ServerNode.ServerNode,
  replicas: ReadonlyArray<ServerNode.ServerNode>,
  agree: Effect.Effect<void>
) =>
  Effect.gen(function* () {
    yield* Effect.forEach(replicas, (replica) => replica.signal("SIGSTOP"))
    // nothing reaches a replica any more, not even its socket
    yield* primary.send("CLIENT", "KILL", "TYPE", "replica")
    yield* lossWindow
    yield* primary.kill
    yield* Effect.forEach(replicas, (replica) => replica.signal("SIGCONT"))
    yield* agree
    yield* primary.start
    yield* agree
  })

const atLeastOne = (ports: ReadonlyArray<number>): World["ports"] => {
  const [first = 0, ...others] = ports
  return [first, ...others]
}

/** The variables of a server with a clock of its own, where the machine allows that. */
const skewed: Effect.Effect<
  Pick<ServerNode.SharedOptions, "environment">,
  never,
  Scope.Scope
> = SkewedClock.skipReason === undefined
  ? Effect.map(SkewedClock.make, (clock) => ({ environment: (index) => clock(aheadSeconds[index] ?? 0) }))
  : Effect.succeed({})

const skewSeconds = SkewedClock.skipReason === undefined ? Math.max(...aheadSeconds) : 0

export const worlds: Record<"standalone" | "sentinel" | "cluster", Effect.Effect<World, never, Scope.Scope>> = {
  standalone: Effect.gen(function* () {
    const directory = yield* ServerProcess.temporaryDirectory("verify-")
    const server = yield* ServerNode.make({ args: (port) => ServerNode.sharedArgs({}, port, directory) })
    yield* server.start
    const restartWithLoss = Effect.gen(function* () {
      const lose = yield* AppendOnlyFile.losesFromNow(directory)
      yield* lossWindow
      yield* server.kill
      yield* lose
      yield* server.start
    })
    return {
      ports: [server.port],
      servers: [server.port],
      master: "",
      hearsAll: true,
      skewSeconds: 0,
      agree: Effect.void,
      faults: { ...faultsOf(Effect.succeed(server), Effect.void), "writes lost": restartWithLoss }
    }
  }),
  sentinel: Effect.gen(function* () {
    const sentinels = yield* RedisSentinels.make(yield* skewed)
    const agree = sentinels.awaitAgreement
    return {
      ports: atLeastOne(sentinels.sentinels.map(({ port }) => port)),
      servers: sentinels.servers.map(({ port }) => port),
      master: sentinels.master,
      hearsAll: true,
      skewSeconds,
      agree,
      faults: {
        ...faultsOf(sentinels.primary, agree),
        failover: sentinels.failover,
        "writes lost": Effect.flatMap(sentinels.primary, (primary) =>
          failoverWithLoss(
            primary,
            sentinels.servers.filter(({ port }) => port !== primary.port),
            agree
          )
        )
      }
    }
  }),
  cluster: Effect.gen(function* () {
    const args = ["--cluster-require-full-coverage", "no"]
    const cluster = yield* RedisCluster.make({ args, ...(yield* skewed) })
    const agree = cluster.awaitAgreement
    const primaries = Effect.map(cluster.view, (all) => all.filter(({ role }) => role === "primary"))
    const anyPrimary = Effect.flatMap(primaries, (all) =>
      Effect.flatMap(Random.nextIntBetween(0, all.length), (i) => Effect.fromNullable(all[i]?.node))
    ).pipe(Effect.orDie)
    const ports = cluster.nodes.map(({ port }) => port)
    return {
      ports: atLeastOne(ports),
      servers: ports,
      master: "",
      hearsAll: false,
      skewSeconds,
      agree,
      faults: {
        ...faultsOf(anyPrimary, agree),
        failover: Effect.flatMap(anyPrimary, (primary) =>
          Effect.flatMap(cluster.replicaOf(primary), ({ node }) => cluster.failover(node))
        ),
        "writes lost": Effect.flatMap(anyPrimary, (primary) =>
          Effect.flatMap(cluster.replicaOf(primary), ({ node }) => failoverWithLoss(primary, [node], agree))
        ),
        reshard: Effect.gen(function* () {
          const [from, to] = yield* Random.shuffle(yield* primaries)
          if (from === undefined || to === undefined) return
          const all = from.slots.flatMap(([first, last]) =>
            Array.from({ length: last - first + 1 }, (_, i) => first + i)
          )
          const slots = Array.from(yield* Random.shuffle(all)).slice(0, slotsOfReshard)
          yield* cluster.reshard({ from: from.node, to: to.node, slots })
        })
      }
    }
  })
}
