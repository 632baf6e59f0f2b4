/** What a server lacks that the toolkit needs: it works, or the status says what to do. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { ClientOptions } from "../../../src/redis/connection/ClientOptions.js"
import { RedisClient } from "../../../src/redis/RedisClient.js"
import type { RedisAddress } from "../../../src/redis/RedisConfig.js"
import * as CapturedLog from "../../support/CapturedLog.js"
import { driverUnderTest } from "../../support/server/drivers.js"
import * as RedisServer from "../../support/server/RedisServer.js"
import { until } from "../../support/until.js"

const clientOf = (address: RedisAddress, options: ClientOptions = {}) =>
  Effect.map(Layer.build(driverUnderTest.layer(address, options)), (context) => Context.get(context, RedisClient))

const reason = RedisServer.skipReasonFor("renamed commands", "rights by subcommand")

describe.skipIf(reason !== undefined)(`a server (${reason ?? "on a server"})`, () => {
  for (const command of ["EVAL", "TIME"] as const) {
    it.scopedLive(`without ${command} is used, and the status says what does not work and what to do`, () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make({ args: ["--rename-command", command, ""] })
        const log = yield* CapturedLog.make
        const redis = yield* Effect.provide(clientOf({ port: server.port }), log.layer)
        expect(yield* redis.set("key", "value")).toBe(true)
        const { limitations = [] } = yield* redis.getStatus
        expect(limitations.map(({ command, reason }) => [command, reason])).toEqual([[command, "Unknown"]])
        expect(log.lines.filter(({ level }) => level === "WARN").map(({ text }) => text)).toEqual(
          limitations.map(({ advice }) => advice)
        )
      })
    )

    it.scopedLive(`whose user may not run ${command} says so, until the right is given`, () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        yield* server.send("ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", `-${command}`)
        const login = { port: server.port, username: "app", password: Redacted.make("secret") }
        const redis = yield* clientOf(login, { heartbeatInterval: "20 millis" })
        const { limitations = [] } = yield* redis.getStatus
        expect(limitations).toMatchObject([{ command, reason: "NoPermission" }])
        expect(limitations[0]?.advice).toContain(`+${command.toLowerCase()}`)
        yield* server.send("ACL", "SETUSER", "app", `+${command}`)
        const other = yield* clientOf(login)
        expect((yield* other.getStatus).limitations).toEqual([])
        if (command === "TIME") {
          yield* until("a heartbeat has seen it", () =>
            Effect.map(redis.getStatus, ({ limitations }) => limitations?.length === 0)
          )
        }
      })
    )
  }

  it.scopedLive("shows both connections under the name of the program", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const named = yield* clientOf({ port: server.port }, { clientName: "shop:api" })
      expect(yield* named.send("CLIENT", "GETNAME")).toBe("shop:api")
      yield* Effect.forkScoped(Stream.runDrain(named.subscribe("news")))
      yield* until("its subscriptions have the name too", () =>
        Effect.map(server.send("CLIENT", "LIST", "TYPE", "PUBSUB"), (list) =>
          / name=shop:api .* sub=2 /.test(String(list))
        )
      )
      const unnamed = yield* clientOf({ port: server.port })
      expect(yield* unnamed.send("CLIENT", "GETNAME")).toBe("effect-cache-toolkit")
      yield* server.send("ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-client")
      const forbidden = yield* clientOf({ port: server.port, username: "app", password: Redacted.make("secret") })
      expect(yield* forbidden.isAvailable).toBe(true)
    })
  )
})

describe.skipIf(reason !== undefined)(
  `a server that connections tell of themselves (${reason ?? "on a server"})`,
  () => {
    it.scopedLive("rejects nothing of it, whether it knows CLIENT SETINFO or not", () =>
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const redis = yield* clientOf({ port: server.port })
        yield* Stream.runHead(redis.subscribe("news"))
        const { server: info } = yield* redis.getStatus
        const knowsIt = Option.exists(info, ({ version }) => !version.startsWith("7.0."))
        const commands = String(yield* redis.send("INFO", "commandstats"))
        expect(/^cmdstat_client\|setname:/m.test(commands)).toBe(true)
        expect(/^cmdstat_client\|setinfo:/m.test(commands)).toBe(knowsIt)
        expect(String(yield* redis.send("INFO", "errorstats")).trim()).toBe("# Errorstats")
      })
    )
  }
)

describe("the name of a client", () => {
  it.scopedLive("is a defect that names the option where a server would refuse it", () =>
    Effect.gen(function* () {
      for (const clientName of ["", "two words", "ü", "line\n"]) {
        const cause = yield* Effect.flip(Effect.sandbox(clientOf({ port: 1 }, { clientName })))
        expect(String(cause)).toMatch(/clientName/)
      }
    })
  )
})
