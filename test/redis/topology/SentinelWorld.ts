/** Three sentinels and two servers in memory, and the driver over them. */
import * as Effect from "effect/Effect"
import type { RedisAddress, SentinelAddress } from "../../../src/redis/RedisConfig.js"
import { RedisConnectError } from "../../../src/redis/RedisError.js"
import * as Sentinel from "../../../src/redis/topology/Sentinel.js"
import { error, make as makeServer, reply, type ScriptedServer } from "../../support/faults/ScriptedDriver.js"

/** the ports of the sentinels, and those of the servers */
export const [one, two, three] = [26_001, 26_002, 26_003]
export const [first, second] = [6001, 6002]
export const sentinelPorts = [one, two, three] as const

export interface World {
  readonly at: (port: number) => ScriptedServer
  /** the addresses that drivers were made for, in order */
  readonly dialled: Array<RedisAddress>
  /** what each sentinel names: a port, or nothing for a master that it does not know */
  readonly names: Map<number, number | undefined>
  readonly driver: (settings?: Partial<SentinelAddress>) => ReturnType<typeof Sentinel.driver>
}

/** Nothing listens there. */
export const refusal = (address: string) =>
  new RedisConnectError({ reason: "Refused", address, detail: "ECONNREFUSED" })

/** Three sentinels that all name server `first`, and two servers that are both primaries. */
export const makeWorld = Effect.gen(function* () {
  const servers = new Map<number, ScriptedServer>()
  for (const port of [...sentinelPorts, first, second]) servers.set(port, yield* makeServer)
  const names = new Map<number, number | undefined>(sentinelPorts.map((port) => [port, first]))
  const dialled: Array<RedisAddress> = []
  const at = (port: number): ScriptedServer => {
    const server = servers.get(port)
    if (server === undefined) throw new Error(`no server has port ${port}`)
    return server
  }
  for (const port of sentinelPorts) {
    at(port).answer = ({ args: [what, master], command }) => {
      if (command !== "SENTINEL") return undefined
      const named = master === "mymaster" ? names.get(port) : undefined
      if (what === "GET-MASTER-ADDR-BY-NAME") return reply(named === undefined ? null : ["10.0.0.1", `${named}`])
      const others = sentinelPorts.filter((other) => other !== port)
      return named === undefined
        ? error("ERR No such master with that name")
        : reply(others.map((other) => ({ name: `${other}`, ip: "10.0.0.1", port: `${other}` })))
    }
  }
  const world: World = {
    at,
    dialled,
    names,
    driver: (settings) =>
      Sentinel.driver(
        (address) => {
          dialled.push(address)
          const server = servers.get(address.port ?? 0) ?? at(first)
          return { ...server.driver, address: `redis://${address.host}:${address.port}/0` }
        },
        { sentinels: sentinelPorts.map((port) => ({ host: "10.0.0.1", port })), master: "mymaster", ...settings }
      )
  }
  return world
})
