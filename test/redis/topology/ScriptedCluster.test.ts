/** A client of a cluster whose servers are scripted: what it sends where, and what it waits for. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { ClientOptions } from "../../../src/redis/connection/ClientOptions.js"
import * as RedisCommands from "../../../src/redis/RedisCommands.js"
import * as ClusterExecutor from "../../../src/redis/topology/ClusterExecutor.js"
import * as Slots from "../../../src/redis/topology/Slots.js"
import * as ScriptedDriver from "../../support/faults/ScriptedDriver.js"
import { until } from "../../support/until.js"

const ports = [7001, 7002, 7003] as const

/** A third of the slots for each server. */
const slots = ports.map((port, i) => {
  const [first, next] = [i, i + 1].map((part) => Math.floor((part * Slots.slotCount) / ports.length))
  return [first ?? 0, (next ?? 0) - 1, ["127.0.0.1", port, `node-${port}`]]
})

const world = (options: ClientOptions = {}) =>
  Effect.gen(function* () {
    const servers = new Map<number, ScriptedDriver.ScriptedServer>()
    const state = { readsSlots: true, readings: 0 }
    for (const port of ports) {
      const server = yield* ScriptedDriver.make
      server.answer = ({ args, command }) => {
        if (command !== "CLUSTER") return undefined
        if (args[0] === "INFO") return ScriptedDriver.reply("cluster_state:ok")
        state.readings++
        return state.readsSlots ? ScriptedDriver.reply(slots) : ScriptedDriver.silence
      }
      servers.set(port, server)
    }
    const serverAt = (port: number | undefined) => {
      const server = servers.get(port ?? 0)
      if (server === undefined) throw new Error(`no server has port ${port}`)
      return server
    }
    const connect = Effect.map(
      ClusterExecutor.make(
        { seeds: [{ host: "127.0.0.1", port: ports[0] }], driverOf: ({ port }) => serverAt(port).driver },
        options
      ),
      RedisCommands.fromExecutor
    )
    return { servers: ports.map(serverAt), state, connect }
  })

describe("a client of a cluster", () => {
  it.scoped("answers a command that waits for the slots to be read when it is closed", () =>
    Effect.gen(function* () {
      const { connect, servers, state } = yield* world({ commandTimeout: "1 hour", heartbeatInterval: "1 hour" })
      const redis = yield* connect
      state.readsSlots = false
      for (const server of servers) {
        const { answer } = server
        server.answer = (sent) =>
          sent.command === "GET" ? ScriptedDriver.error(`MOVED ${Slots.of("k")} 127.0.0.1:7004`) : answer(sent)
      }
      const read = state.readings
      const reading = yield* Effect.fork(Effect.flip(redis.get("k")))
      yield* ScriptedDriver.runFor(1000)
      expect(state.readings, "the slots are being read").toBe(read + 1)
      expect(yield* Fiber.poll(reading)).toEqual(Option.none())
      yield* redis.close
      yield* until("the command is answered", () => Effect.map(Fiber.poll(reading), Option.isSome))
      expect(yield* Fiber.join(reading)).toMatchObject({ _tag: "RedisUnavailable", reason: "Disabled" })
    })
  )

  it.scoped("lets the connected servers take turns for what concerns no key", () =>
    Effect.gen(function* () {
      const { connect, servers } = yield* world()
      const redis = yield* connect
      const sentTimes = () => servers.map((server) => server.count("ECHO"))
      for (const server of servers) {
        const { answer } = server
        server.answer = (sent) => (sent.command === "ECHO" ? ScriptedDriver.reply("hello") : answer(sent))
      }
      for (let i = 0; i < 12; i++) yield* redis.send("ECHO", "hello")
      expect(sentTimes()).toEqual([4, 4, 4])
      const [first, ...others] = servers
      if (first !== undefined) first.dial = "Hang"
      first?.cut()
      yield* ScriptedDriver.settled
      for (let i = 0; i < 12; i++) yield* redis.send("ECHO", "hello")
      expect(sentTimes()[0]).toBe(4)
      expect(others.map((server) => server.count("ECHO"))).toEqual([10, 10])
    })
  )

  it.scoped("says in its status what any of its servers refuses, each once", () =>
    Effect.gen(function* () {
      const { connect, servers } = yield* world()
      expect((yield* (yield* connect).getStatus).limitations).toEqual([])
      for (const server of servers.slice(1)) {
        const { answer } = server
        server.answer = (sent) =>
          sent.command === "EVAL" ? ScriptedDriver.error("ERR unknown command 'EVAL'") : answer(sent)
      }
      const { limitations } = yield* (yield* connect).getStatus
      expect(limitations).toMatchObject([{ command: "EVAL", reason: "Unknown" }])
    })
  )
})
