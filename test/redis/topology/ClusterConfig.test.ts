/** The variables of a cluster, with a real one behind them. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { testWith } from "../../support/faults/FaultSuite.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisCluster from "../../support/server/RedisCluster.js"
import { temporaryDirectory } from "../../support/server/ServerProcess.js"

describe("layerConfig with REDIS_CLUSTER_NODES", () => {
  testWith("cluster mode")(
    "connects to every primary with the password of a file, and logs the servers that were named",
    () =>
      Effect.gen(function* () {
        const password = "of all servers"
        const cluster = yield* RedisCluster.make({ password })
        const file = join(yield* temporaryDirectory("cluster-secret-"), "password")
        writeFileSync(file, `${password}\n`)
        // one server is enough, and one that is not there does not matter
        const named = `127.0.0.1:1,127.0.0.1:${cluster.nodes[1]?.port}`
        const log = yield* CapturedLog.make
        const context = yield* Layer.build(driverUnderTest.layerConfig()).pipe(
          Effect.withConfigProvider(
            ConfigProvider.fromMap(new Map(Object.entries({ REDIS_CLUSTER_NODES: named, REDIS_PASSWORD_FILE: file })))
          ),
          Effect.provide(log.layer)
        )
        const redis = yield* Effect.provide(RedisClient, context)
        const { nodes = [], state } = yield* redis.getStatus
        expect(state._tag).toBe("Connected")
        expect(nodes.map(({ address }) => address).sort()).toEqual(
          cluster.nodes
            .slice(0, 3)
            .map(({ port }) => `127.0.0.1:${port}`)
            .sort()
        )
        const keys = Array.from({ length: 20 }, (_, i) => `key:${i}`)
        for (const key of keys) yield* redis.set(key, key)
        expect(yield* redis.mget(keys)).toEqual(keys.map(Option.some))
        expect(log.lines).toContainEqual({ level: "INFO", text: `Redis: redis-cluster://${named}` })
        expect(JSON.stringify(log.lines)).not.toContain(password)
      })
  )
})
