/** The rights of a sentinel's user that docs/topologies.md asks for: they are enough. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { eventually, testWith } from "../../support/faults/FaultSuite.js"
import { root } from "../../support/root.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisSentinels from "../../support/server/RedisSentinels.js"

const page = readFileSync(join(root, "docs", "topologies.md"), "utf8")
const [, commands = "", channel = ""] =
  /A user of theirs needs\s+`(\+ping [^`]+)`, and the channel `(&[^`]+)`/.exec(page) ?? []

testWith("Sentinel", "rights by subcommand")(
  "a user of the sentinels with the rights of docs/topologies.md finds the primary, and follows a failover at once",
  () =>
    Effect.gen(function* () {
      expect(commands.split(" ").length).toBeGreaterThan(4)
      const { failover, master, primary, sentinels } = yield* RedisSentinels.make()
      const rights = ["on", ">secret", "resetchannels", "-@all", ...commands.split(" "), channel]
      yield* Effect.forEach(sentinels, ({ send }) => send("ACL", "SETUSER", "watcher", ...rights))
      const log = yield* CapturedLog.make
      const layer = driverUnderTest.layerSentinel(
        {
          sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
          master,
          sentinelUsername: "watcher",
          sentinelPassword: Redacted.make("secret")
        },
        { heartbeatInterval: "100 millis" }
      )
      const redis = Context.get(yield* Effect.provide(Layer.build(layer), log.layer), RedisClient)
      yield* redis.set("key", "value")
      yield* failover
      const { port } = yield* primary
      yield* eventually(
        "it is connected to the new primary",
        Effect.map(redis.getStatus, ({ address, connected }) => {
          return connected && address._tag === "Some" && address.value.includes(`:${port}/`)
        })
      )
      yield* redis.set("key", "another")
      const rejected = yield* Effect.forEach(sentinels, ({ send }) => send("ACL", "LOG"))
      expect(rejected).toEqual([[], [], []])
      // as it would be without the right to the channel
      expect(log.lines.filter(({ text }) => /failovers are noticed some seconds later/.test(text))).toEqual([])
    })
)
