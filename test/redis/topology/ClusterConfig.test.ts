/** The variables of a cluster, with a real one behind them. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { testWith } from "../../support/faults/FaultSuite.js"
import { root } from "../../support/root.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisCluster from "../../support/server/RedisCluster.js"
import { temporaryDirectory } from "../../support/server/ServerProcess.js"

const page = readFileSync(join(root, "docs", "servers.md"), "utf8")
const [, rights = ""] = /^ACL SETUSER toolkit on >password (.*)$/m.exec(page) ?? []
const [, clusterRights = ""] = /On a cluster the user also needs `([^`]*)`/.exec(page) ?? []

describe("layerConfig with REDIS_CLUSTER_NODES", () => {
  testWith("cluster mode")(
    "connects to every primary with the password of a file, and logs the servers that were named",
    () =>
      Effect.gen(function* () {
        const password = "of-the-toolkit"
        const cluster = yield* RedisCluster.make({
          password: "of the default user",
          users: [`toolkit on >${password} ${rights} ${clusterRights}`]
        })
        const file = join(yield* temporaryDirectory("cluster-secret-"), "password")
        writeFileSync(file, `${password}\n`)
        // one server is enough, and one that is not there does not matter
        const named = `127.0.0.1:1,127.0.0.1:${cluster.nodes[1]?.port}`
        const log = yield* CapturedLog.make
        const context = yield* Layer.build(driverUnderTest.layerConfig()).pipe(
          Effect.withConfigProvider(
            ConfigProvider.fromMap(
              new Map([
                ["REDIS_CLUSTER_NODES", named],
                ["REDIS_USERNAME", "toolkit"],
                ["REDIS_PASSWORD_FILE", file]
              ])
            )
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
        yield* redis.set("key:0", "other")
        expect(yield* redis.delPattern("key:*")).toBe(keys.length)
        // sent while a slot is on its way to another server
        expect(yield* cluster.nodes[0]?.send("ACL", "DRYRUN", "toolkit", "ASKING") ?? Effect.void).toBe("OK")
        expect(log.lines).toContainEqual({ level: "INFO", text: `Redis: redis-cluster://${named}` })
        expect(JSON.stringify(log.lines)).not.toContain(password)
      })
  )
})
