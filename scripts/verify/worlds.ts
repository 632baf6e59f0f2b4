/** The servers of `bun run verify`, and what is done to them. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as RedisCluster from "../../test/support/server/RedisCluster.js"
import * as RedisSentinels from "../../test/support/server/RedisSentinels.js"
import * as ServerNode from "../../test/support/server/ServerNode.js"
import * as ServerProcess from "../../test/support/server/ServerProcess.js"

export interface World {
  readonly ports: readonly [number, ...ReadonlyArray<number>]
  readonly master: string
  /** The servers work again when a fault returns. */
  readonly faults: Readonly<Record<string, Effect.Effect<void>>>
}

const pause = Effect.flatMap(Random.nextIntBetween(300, 4000), Effect.sleep)

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
  "connections cut": Effect.flatMap(primary, (server) =>
    Effect.asVoid(server.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
  )
})

const atLeastOne = (ports: ReadonlyArray<number>): World["ports"] => {
  const [first = 0, ...others] = ports
  return [first, ...others]
}

export const worlds: Record<"standalone" | "sentinel" | "cluster", Effect.Effect<World, never, Scope.Scope>> = {
  standalone: Effect.gen(function* () {
    const directory = yield* ServerProcess.temporaryDirectory("verify-")
    const server = yield* ServerNode.make({ args: (port) => ServerNode.sharedArgs({}, port, directory) })
    yield* server.start
    return { ports: [server.port], master: "", faults: faultsOf(Effect.succeed(server), Effect.void) }
  }),
  sentinel: Effect.map(RedisSentinels.make(), (sentinels) => ({
    ports: atLeastOne(sentinels.sentinels.map(({ port }) => port)),
    master: sentinels.master,
    faults: { ...faultsOf(sentinels.primary, sentinels.awaitAgreement), failover: sentinels.failover }
  })),
  cluster: Effect.map(RedisCluster.make({ args: ["--cluster-require-full-coverage", "no"] }), (cluster) => {
    const primaries = Effect.map(cluster.view, (all) => all.filter(({ role }) => role === "primary"))
    const anyPrimary = Effect.flatMap(primaries, (all) =>
      Effect.flatMap(Random.nextIntBetween(0, all.length), (i) => Effect.fromNullable(all[i]?.node))
    ).pipe(Effect.orDie)
    return {
      ports: atLeastOne(cluster.nodes.map(({ port }) => port)),
      master: "",
      faults: {
        ...faultsOf(anyPrimary, cluster.awaitAgreement),
        failover: Effect.flatMap(anyPrimary, (primary) =>
          Effect.flatMap(cluster.replicaOf(primary), ({ node }) => cluster.failover(node))
        ),
        reshard: Effect.gen(function* () {
          const [from, to] = yield* Random.shuffle(yield* primaries)
          if (from !== undefined && to !== undefined && from.slots.length > 0) {
            yield* cluster.reshard({ from: from.node, to: to.node, slots: 20 })
          }
        })
      }
    }
  })
}
