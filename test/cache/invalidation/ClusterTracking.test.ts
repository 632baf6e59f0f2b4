/** Changes by other programs on a cluster, where each primary pushes those of its own keys. */
import { expect, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe } from "vitest"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type * as RedisConfig from "../../../src/redis/RedisConfig.js"
import * as Slots from "../../../src/redis/topology/Slots.js"
import * as TrackedCache from "../../support/cache/TrackedCache.js"
import * as WithoutBroadcast from "../../support/faults/WithoutBroadcast.js"
import * as AdminConnection from "../../support/server/AdminConnection.js"
import { Cluster } from "../../support/server/ClusterLayers.js"
import { type DriverName, load } from "../../support/server/drivers.js"
import * as RedisCluster from "../../support/server/RedisCluster.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"

const reason = RedisServer.skipReasonFor("CLIENT TRACKING by prefix", "cluster mode")

const slotOf = (id: string) => Slots.of(`user:${id}`)

const primaries = (cluster: RedisCluster.RedisCluster) =>
  Effect.map(cluster.view, (views) =>
    views.flatMap(({ node, role }) => (role === "primary" && node.isRunning() ? [node] : []))
  )

/** A process with a cache, whose client knows all servers of the cluster. */
const processOf = (
  driver: DriverName,
  cluster: RedisCluster.RedisCluster,
  mapAddress?: RedisConfig.ClusterAddress["mapAddress"]
) =>
  Effect.gen(function* () {
    const { layerCluster } = yield* Effect.promise(() => load(driver))
    const [first, ...rest] = cluster.nodes.map(
      ({ port }) => mapAddress?.({ host: "127.0.0.1", port }) ?? { host: "127.0.0.1", port }
    )
    const context = yield* Layer.build(
      layerCluster(
        { nodes: [first ?? { host: "127.0.0.1" }, ...rest], mapAddress },
        { ...TrackedCache.soon, heartbeatInterval: "100 millis" }
      )
    )
    const process = yield* TrackedCache.make(Context.get(context, RedisClient))
    for (const node of yield* primaries(cluster)) yield* TrackedCache.tracks(node)
    return process
  })

/** For each primary, an id whose key it holds. */
const idsOf = (cluster: RedisCluster.RedisCluster) =>
  Effect.map(cluster.view, (views) =>
    views
      .filter(({ role }) => role === "primary")
      .flatMap(({ node, slots }) => {
        const id = Array.from({ length: 1000 }, (_, i) => `${i}`).find((id) =>
          slots.some(([from, to]) => from <= slotOf(id) && slotOf(id) <= to)
        )
        return id === undefined ? [] : [{ id, node }]
      })
  )

/** Removes the key of an id, as another program would: on the server that holds it. */
const removed = (cluster: RedisCluster.RedisCluster, id: string) =>
  Effect.flatMap(cluster.ownerOf(slotOf(id)), ({ node }) => node.send("DEL", `user:${id}`))

const onCluster = Layer.scoped(Cluster, RedisCluster.make())

describe.skipIf(reason !== undefined)(
  `local.tracking on a cluster${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    layer(onCluster, { timeout: "60 seconds", excludeTestServices: true })((it) => {
      for (const driver of TrackedCache.drivers) {
        it.scoped(`hears changes on each primary, by one connection to each, on ${driver}`, () =>
          Effect.gen(function* () {
            const cluster = yield* Cluster
            const process = yield* processOf(driver, cluster)
            const ids = yield* idsOf(cluster)
            expect(ids).toHaveLength(3)
            for (const { id } of ids) yield* TrackedCache.keepLocally(process, id)
            for (const { id, node } of ids) {
              const before = process.lookups()
              expect(yield* node.send("DEL", `user:${id}`)).toBe(1)
              yield* TrackedCache.isLookedUpAgain(process, id, before)
            }
            for (const { id } of ids) yield* TrackedCache.keepLocally(process, id)
            const before = process.lookups()
            yield* ids[1]?.node.send("FLUSHALL") ?? Effect.void
            yield* TrackedCache.isLookedUpAgain(process, ids[1]?.id ?? "", before)
          })
        )

        it.scoped(`drops everything when the connection to one primary was lost, on ${driver}`, () =>
          Effect.gen(function* () {
            const cluster = yield* Cluster
            const process = yield* processOf(driver, cluster)
            for (const { id, node } of yield* idsOf(cluster)) {
              yield* TrackedCache.keepLocally(process, id)
              const before = process.lookups()
              const [connection = ""] = yield* TrackedCache.trackers(node)
              // in one step, so that the change is pushed to nobody
              yield* AdminConnection.use(node.url, async (send) => {
                await send("MULTI")
                await send("CLIENT", "KILL", "ID", connection)
                await send("DEL", `user:${id}`)
                await send("EXEC")
              })
              yield* TrackedCache.isLookedUpAgain(process, id, before)
              yield* TrackedCache.tracks(node)
            }
          })
        )

        it.scoped(`follows a key to the primary that its slot has moved to, on ${driver}`, () =>
          Effect.gen(function* () {
            const cluster = yield* Cluster
            const process = yield* processOf(driver, cluster)
            const [one, other] = yield* idsOf(cluster)
            if (one === undefined || other === undefined) return expect.fail("the cluster has one primary")
            yield* TrackedCache.keepLocally(process, one.id)
            yield* cluster.reshard({ from: one.node, to: other.node, slots: [slotOf(one.id)] })
            yield* TrackedCache.keepLocally(process, one.id)
            const before = process.lookups()
            expect(yield* other.node.send("DEL", `user:${one.id}`)).toBe(1)
            yield* TrackedCache.isLookedUpAgain(process, one.id, before)
          })
        )

        it.scoped(`hears the replica that has become a primary, on ${driver}`, () =>
          Effect.gen(function* () {
            const cluster = yield* Cluster
            const process = yield* processOf(driver, cluster)
            // each driver has a primary of its own: Redis rejects a second failover of one for some seconds
            const one = (yield* idsOf(cluster))[TrackedCache.drivers.indexOf(driver)]
            if (one === undefined) return expect.fail("the cluster has too few primaries")
            yield* TrackedCache.keepLocally(process, one.id)
            const { node: replica } = yield* cluster.replicaOf(one.node)
            yield* cluster.failover(replica)
            yield* TrackedCache.tracks(replica)
            // the old primary is left alone
            yield* TrackedCache.tracks(one.node, 0)
            yield* TrackedCache.keepLocally(process, one.id)
            const before = process.lookups()
            yield* removed(cluster, one.id)
            yield* TrackedCache.isLookedUpAgain(process, one.id, before)
          })
        )
      }

      it.scoped("hears what it has read on each primary, where no server has BCAST", () =>
        Effect.gen(function* () {
          const cluster = yield* Cluster
          const ports = new Map<number, number>()
          for (const { port } of cluster.nodes) ports.set(port, yield* WithoutBroadcast.make(port))
          const process = yield* processOf("SocketRedis", cluster, ({ host, port }) => ({
            host,
            port: ports.get(port) ?? port
          }))
          const ids = yield* idsOf(cluster)
          for (const { id } of ids) yield* TrackedCache.keepLocally(process, id)
          for (const { id, node } of ids) {
            const before = process.lookups()
            yield* node.send("DEL", `user:${id}`)
            yield* TrackedCache.isLookedUpAgain(process, id, before)
          }
          const [one, other] = ids
          if (one === undefined || other === undefined) return expect.fail("the cluster has one primary")
          yield* TrackedCache.keepLocally(process, one.id)
          yield* cluster.reshard({ from: one.node, to: other.node, slots: [slotOf(one.id)] })
          yield* TrackedCache.keepLocally(process, one.id)
          const before = process.lookups()
          yield* other.node.send("DEL", `user:${one.id}`)
          yield* TrackedCache.isLookedUpAgain(process, one.id, before)
        })
      )

      it.scoped("drops what it has read from a new primary before that was tracked, after the old one was killed", () =>
        Effect.gen(function* () {
          const cluster = yield* Cluster
          const process = yield* processOf("SocketRedis", cluster)
          const [one] = yield* idsOf(cluster)
          if (one === undefined) return expect.fail("the cluster has no primary")
          const state = Effect.map(process.cache.stats, ({ tracking }) => tracking)
          expect(yield* state).toBe("Active")
          const { node: replica } = yield* cluster.replicaOf(one.node)
          yield* replica.send("ACL", "SETUSER", "default", "-client|tracking")
          yield* one.node.kill
          // until then the client may hear of the old primary again, which drops everything
          yield* cluster.awaitAgreement
          yield* until("the new primary is read, and refuses to be tracked", () =>
            Effect.gen(function* () {
              yield* process.cache.get(one.id)
              return (yield* state) === "Refused" && (yield* process.isLocal(one.id))
            })
          )
          yield* TrackedCache.keepLocally(process, one.id)
          const before = process.lookups()
          expect(yield* replica.send("DEL", `user:${one.id}`)).toBe(1)
          expect(yield* process.isLocal(one.id)).toBe(true)

          yield* replica.send("ACL", "SETUSER", "default", "+client|tracking")
          yield* TrackedCache.isLookedUpAgain(process, one.id, before)
          yield* until("every primary pushes", () => Effect.map(state, (now) => now === "Active"))
          yield* TrackedCache.keepLocally(process, one.id)
          const later = process.lookups()
          yield* replica.send("DEL", `user:${one.id}`)
          yield* TrackedCache.isLookedUpAgain(process, one.id, later)
        })
      )
    })
  }
)
