/** The keys of other servers while slots of a cluster have none: what `cluster-require-full-coverage` decides. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as Slots from "../../../src/redis/topology/Slots.js"
import * as CacheWorld from "../../support/cache/CacheWorld.js"
import { clientOf } from "../../support/server/ClusterLayers.js"
import * as RedisCluster from "../../support/server/RedisCluster.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"

const ids = Array.from({ length: 60 }, (_, i) => `id${i}`)

const reason = RedisServer.skipReasonFor("cluster mode")

describe.skipIf(reason !== undefined)(`a cluster (${reason ?? "on a server"})`, () => {
  for (const [coverage, outcome] of [
    ["yes", "are looked up"],
    ["no", "stay hits"]
  ] as const) {
    it.scopedLive(
      `with cluster-require-full-coverage ${coverage}: keys of other servers ${outcome} while a primary is away`,
      () =>
        Effect.gen(function* () {
          const cluster = yield* RedisCluster.make({ args: ["--cluster-require-full-coverage", coverage] })
          const redis = Context.get(
            yield* Layer.build(clientOf(cluster, { commandTimeout: "10 seconds" })),
            RedisClient
          )
          const { cache, clearMarker, key } = CacheWorld.make(Object.fromEntries(ids.map((id, i) => [id, i])))
          const own = yield* Effect.provideService(cache(), RedisClient, redis)
          const { node: markers } = yield* cluster.ownerOf(Slots.of(clearMarker))
          const primaries = (yield* cluster.view).filter(({ role }) => role === "primary")
          const away = primaries.find(({ node }) => node.port !== markers.port)?.node ?? markers
          const owners = yield* Effect.forEach(ids, (id) => cluster.ownerOf(Slots.of(key(id))))
          const idOf = (isAway: boolean) => ids.find((_, i) => (owners[i]?.node.port === away.port) === isAway) ?? ""
          const [itsId, otherId] = [idOf(true), idOf(false)]
          const sourceOf = (id: string) => Effect.map(Effect.orDie(own.getResult(id)), ({ source }) => source)
          for (const id of [itsId, otherId]) {
            yield* until(`${id} is a hit`, () => Effect.map(sourceOf(id), (source) => source === "Redis"))
          }
          yield* (yield* cluster.replicaOf(away)).node.kill
          yield* away.kill
          yield* until("the servers know that slots have no server", () =>
            Effect.map(cluster.view, (nodes) => nodes.some(({ failed, node }) => failed && node.port === away.port))
          )
          const expected = coverage === "yes" ? "Degraded" : "Redis"
          yield* until(`the other key comes from ${expected}`, () =>
            Effect.map(sourceOf(otherId), (source) => source === expected)
          )
          for (let read = 0; read < 20; read++) {
            expect([yield* sourceOf(itsId), yield* sourceOf(otherId)]).toEqual(["Degraded", expected])
          }
        })
    )
  }
})
