/** What a connection tells the server of this package: to those that know CLIENT SETINFO, and to no others. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { version } from "../../../src/internal/Version.js"
import * as ScriptedDriver from "../../support/faults/ScriptedDriver.js"

const told = [`SETINFO LIB-NAME effect-cache-toolkit`, `SETINFO LIB-VER ${version}`]

const connectedTo = (info: string, answer = ScriptedDriver.reply("OK")) =>
  Effect.gen(function* () {
    const server = yield* ScriptedDriver.make
    server.answer = ({ args, command }) => {
      if (command === "INFO" && args[0] === "server") return ScriptedDriver.reply(info)
      return command === "CLIENT" && args[0] === "SETINFO" ? answer : undefined
    }
    const redis = yield* ScriptedDriver.connect(server)
    yield* ScriptedDriver.settled
    const sent = server.sent.filter(({ args: [what] }) => what === "SETINFO").map(({ args }) => args.join(" "))
    return { redis, sent }
  })

describe("the name and version of this package", () => {
  for (const [server, info, expected] of [
    ["Redis 7.0", "redis_version:7.0.15", []],
    ["Redis 6.2", "redis_version:6.2.14", []],
    ["Redis 7.2", "redis_version:7.2.0", told],
    ["Redis 8.0", "redis_version:8.0.1", told],
    ["Valkey", "redis_version:7.2.4\r\nvalkey_version:8.1.0", told],
    ["Dragonfly", "redis_version:7.4.0\r\ndragonfly_version:df-v1.30.0", []],
    ["a server that does not say what it is", "", []]
  ] as const) {
    it.scoped(`${expected.length > 0 ? "are sent to" : "are not sent to"} ${server}`, () =>
      Effect.gen(function* () {
        const { redis, sent } = yield* connectedTo(info)
        expect([...sent].sort()).toEqual(expected)
        expect(yield* redis.isAvailable).toBe(true)
      })
    )
  }

  it.scoped("cost nothing but themselves where the server rejects them", () =>
    Effect.gen(function* () {
      const rejection = ScriptedDriver.error("NOPERM this user has no permissions to run 'client|setinfo'")
      const { redis, sent } = yield* connectedTo("redis_version:7.2.0", rejection)
      expect(sent).toHaveLength(2)
      expect((yield* redis.getStatus).state._tag).toBe("Connected")
      yield* redis.set("key", "value")
    })
  )
})
