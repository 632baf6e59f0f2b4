/** A client of a cluster: how it begins and ends, and what it tells of its nodes. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as RedisExecutor from "../../../src/redis/RedisExecutor.js"
import * as Slots from "../../../src/redis/topology/Slots.js"
import { clientOf } from "../../support/server/ClusterLayers.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisCluster from "../../support/server/RedisCluster.js"
import * as ServerProcess from "../../support/server/ServerProcess.js"
import { until } from "../../support/until.js"

describe("a client of a cluster", () => {
  it.scopedLive("follows slots to another server, and keys that are on their way", () =>
    Effect.gen(function* () {
      const cluster = yield* RedisCluster.make()
      const redis = Context.get(yield* Layer.build(clientOf(cluster)), RedisClient)
      const keys = Array.from({ length: 40 }, (_, i) => `{moving}:${i}`)
      for (const key of keys) yield* redis.set(key, key)
      const slot = Slots.of("moving")
      const { node: from } = yield* cluster.ownerOf(slot)
      const to =
        (yield* cluster.view).find(({ node, role }) => role === "primary" && node.port !== from.port)?.node ?? from
      const nodes = RedisExecutor.nodesOf(RedisExecutor.of(redis))
      const before = nodes.moveOf("{moving}:0")
      const reshard = yield* Effect.fork(cluster.reshard({ from, to, slots: [slot] }))
      // reads before, during and after the move
      for (let round = 0; round < 20; round++) {
        expect(yield* redis.mget(keys)).toEqual(keys.map(Option.some))
        expect(yield* redis.incr("{moving}:count")).toBe(round + 1)
      }
      yield* reshard
      expect(yield* redis.mget(keys)).toEqual(keys.map(Option.some))
      expect(nodes.moveOf("{moving}:0")).toBeGreaterThan(before)
      yield* until("the status shows the new holder", () =>
        Effect.map(redis.getStatus, ({ nodes = [] }) =>
          nodes.some(
            ({ address, slots }) =>
              address.endsWith(`:${to.port}`) && slots.some(([first, last]) => first <= slot && slot <= last)
          )
        )
      )
    })
  )

  it.scopedLive("tells each primary with its slots, and all 16,384 of them", () =>
    Effect.gen(function* () {
      const cluster = yield* RedisCluster.make()
      const redis = Context.get(yield* Layer.build(clientOf(cluster)), RedisClient)
      const { connected, nodes = [], state } = yield* redis.getStatus
      expect([connected, state._tag, nodes.length]).toEqual([true, "Connected", 3])
      const slots = nodes.flatMap((node) => node.slots.map(([first, last]) => last - first + 1))
      expect(slots.reduce((sum, count) => sum + count, 0)).toBe(Slots.slotCount)
      expect(nodes.map((node) => [node.state._tag, node.circuit])).toEqual(Array(3).fill(["Connected", "Closed"]))
    })
  )

  it.scopedLive("rejects every command once it is closed", () =>
    Effect.gen(function* () {
      const cluster = yield* RedisCluster.make()
      const redis = Context.get(yield* Layer.build(clientOf(cluster)), RedisClient)
      yield* redis.close
      for (const command of [redis.get("k"), redis.flushDb, redis.delPattern("*"), redis.publish("c", "m")]) {
        expect(yield* Effect.flip(command)).toMatchObject({ _tag: "RedisUnavailable", reason: "Disabled" })
      }
      expect((yield* redis.getStatus).state._tag).toBe("Disabled")
    })
  )

  it.scopedLive("begins without a server, and says why in its status", () =>
    Effect.gen(function* () {
      const port = yield* ServerProcess.freePort
      const layer = driverUnderTest.layerCluster({ nodes: [{ host: "127.0.0.1", port }] })
      const redis = Context.get(yield* Layer.build(layer), RedisClient)
      expect(yield* Effect.flip(redis.get("k"))).toMatchObject({ _tag: "RedisUnavailable", reason: "Disconnected" })
      const { connected, lastFailure, state } = yield* redis.getStatus
      expect([connected, state._tag]).toEqual([false, "Reconnecting"])
      expect(Option.getOrThrow(lastFailure).message).toContain(`${port}`)
      expect(yield* Effect.flip(redis.delPattern("*"))).toMatchObject({ _tag: "RedisUnavailable" })
    })
  )
})
