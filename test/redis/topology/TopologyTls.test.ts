/** Sentinel and Cluster over TLS: every connection is encrypted, those to servers that are found among them. */
import { describe, expect } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as Slots from "../../../src/redis/topology/Slots.js"
import { eventually, testWith } from "../../support/faults/FaultSuite.js"
import * as Certificates from "../../support/server/Certificates.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisCluster from "../../support/server/RedisCluster.js"
import * as RedisSentinels from "../../support/server/RedisSentinels.js"
import type { ServerNode } from "../../support/server/ServerNode.js"

const clientName = "over-tls"
const options = { clientName, heartbeatInterval: "100 millis" } as const

const clientOf = (layer: Layer.Layer<RedisClient>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, RedisClient))

/** The ports of a server to which connections of the client lead. */
const portsOf = ({ send }: Pick<ServerNode, "send">) =>
  Effect.map(send("CLIENT", "LIST"), (list) => {
    const own = String(list)
      .split("\n")
      .filter((line) => line.includes(` name=${clientName} `))
    return new Set(own.map((line) => Number(/ laddr=\S+:(\d+) /.exec(line)?.[1])))
  })

describe("over TLS", () => {
  testWith("Sentinel", "TLS beside a plain port")("sentinels lead to the primary, and to the next one", () =>
    Effect.gen(function* () {
      const certificates = yield* Certificates.make
      const { failover, master, primary, sentinels } = yield* RedisSentinels.make({ tls: certificates })
      const tls = { caFile: certificates.ca }
      const address = {
        sentinels: sentinels.map(({ knownPort }) => ({ host: "127.0.0.1", port: knownPort })),
        master,
        tls,
        sentinelTls: tls
      }
      const redis = yield* clientOf(driverUnderTest.layerSentinel(address, options))
      yield* redis.set("key", "value")
      const first = yield* primary
      expect(Option.getOrThrow((yield* redis.getStatus).address)).toBe(`rediss://127.0.0.1:${first.knownPort}/0`)
      expect(yield* portsOf(first)).toEqual(new Set([first.knownPort]))
      yield* failover
      const second = yield* primary
      expect(second.port).not.toBe(first.port)
      yield* eventually(
        "it writes to the next primary",
        Effect.map(Effect.exit(redis.set("key", "again")), ({ _tag }) => _tag === "Success")
      )
      expect(yield* second.send("GET", "key")).toBe("again")
      expect(yield* portsOf(second)).toEqual(new Set([second.knownPort]))

      const untrusting = yield* clientOf(
        driverUnderTest.layerSentinel({ ...address, sentinelTls: { caFile: certificates.otherCa } }, options)
      )
      const { lastFailure } = yield* untrusting.getStatus
      expect(Option.getOrThrow(lastFailure).message).toMatch(/: Tls; /)
      expect(yield* Effect.flip(untrusting.get("key"))).toMatchObject({ _tag: "RedisUnavailable" })
    })
  )

  testWith("cluster mode", "TLS beside a plain port")("a cluster is found, and slots are followed that move", () =>
    Effect.gen(function* () {
      const certificates = yield* Certificates.make
      const cluster = yield* RedisCluster.make({ tls: certificates })
      const nodes = [{ host: "127.0.0.1", port: cluster.nodes[0]?.tlsPort }] as const
      const redis = yield* clientOf(driverUnderTest.layerCluster({ nodes, tls: { caFile: certificates.ca } }, options))
      const keys = Array.from({ length: 60 }, (_, i) => `key:${i}`)
      yield* Effect.forEach(keys, (key) => redis.set(key, key))
      const slot = Slots.of("key:0")
      const { node: from } = yield* cluster.ownerOf(slot)
      const to = (yield* cluster.view).find(({ node, role }) => role === "primary" && node.port !== from.port)?.node
      yield* cluster.reshard({ from, to: to ?? from, slots: [slot] })
      expect(yield* redis.mget(keys)).toEqual(keys.map(Option.some))
      const primaries = (yield* cluster.view).filter(({ role }) => role === "primary").map(({ node }) => node)
      expect(primaries).toHaveLength(3)
      for (const primary of primaries) expect(yield* portsOf(primary)).toEqual(new Set([primary.tlsPort]))
      expect((yield* redis.getStatus).nodes?.map(({ state }) => state._tag)).toEqual(Array(3).fill("Connected"))

      const untrusting = yield* clientOf(
        driverUnderTest.layerCluster({ nodes, tls: { caFile: certificates.otherCa } }, options)
      )
      expect(Option.getOrThrow((yield* untrusting.getStatus).lastFailure).message).toMatch(/certificate/i)
    })
  )
})
