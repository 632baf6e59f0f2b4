/**
 * The metrics of connections and commands, by OpenTelemetry's conventions for database clients where there is one.
 *
 * @internal
 */
import {
  type CommandListener,
  type ObservedConnection,
  observedConnections
} from "../../redis/connection/ObservedConnections.js"
import * as Instrument from "./Instrument.js"

const duration = Instrument.seconds("db.client.operation.duration", "Duration of commands, from the call to the reply")
const createTime = Instrument.seconds("db.client.connection.create_time", "Duration of dial and handshake")
const timeouts = Instrument.counter("db.client.connection.timeouts", "Dials and handshakes that took too long")
const failures = Instrument.counter("redis.client.connection.failures", "Failed dials and ended connections, by cause")
const rejections = Instrument.counter("redis.client.rejections", "Commands that were rejected unsent, by reason")
const openings = Instrument.counter("redis.client.circuit.openings", "How often the circuit breaker has opened")
const count = Instrument.gauge("db.client.connection.count", "Live connections")
const pending = Instrument.gauge("db.client.connection.pending_requests", "Commands accepted and not sent yet")
const inFlight = Instrument.gauge("redis.client.commands.in_flight", "Commands sent and not answered")
const connectionState = Instrument.gauge("redis.client.connection.state", "1 for the state that the connection is in")
const circuitState = Instrument.gauge("redis.client.circuit.state", "1 for the state that the circuit breaker is in")

const gauges: ReadonlySet<unknown> = new Set([count, pending, inFlight, connectionState, circuitState])

const connectionStates = ["Connecting", "Connected", "Reconnecting", "Unavailable", "Disabled"] as const
const circuitStates = ["Closed", "Open", "HalfOpen"] as const

/** The address as labels: `redis://host:port/database`, `host:port`, or a path. */
export const serverOf = (address: string): Instrument.Labels => {
  const parts = /^(?:rediss?:\/\/)?(.+?)(?::(\d+))?(?:\/(\d+))?$/.exec(address)
  return { "server.address": parts?.[1] ?? address, "server.port": parts?.[2], "db.namespace": parts?.[3] }
}

/** A client without an address, such as a driver of somebody's own, is `redis`. */
const server = Instrument.remembered(serverOf)

const published = new WeakMap<ObservedConnection, Instrument.Published>()

const publishedOf = (connection: ObservedConnection): Instrument.Published => {
  const present = published.get(connection)
  if (present !== undefined) return present
  const made = new Instrument.Published((update) => gauges.has(update))
  published.set(connection, made)
  return made
}

const publish = (connection: ObservedConnection): void => {
  const address = connection.address()
  const labels = server(address)
  const values = publishedOf(connection)
  const state = connection.state()
  const isLive = state === "Connected" ? 1 : 0
  const pool = { ...labels, "db.client.connection.pool.name": address }
  values.follow(count, { ...pool, "db.client.connection.state": "used" }, isLive)
  values.follow(pending, pool, connection.waiting())
  values.follow(inFlight, labels, connection.inFlight())
  values.follow(openings, labels, connection.circuitOpenings())
  for (const each of connectionStates)
    values.follow(connectionState, { ...labels, state: each }, each === state ? 1 : 0)
  const circuit = connection.circuit()
  for (const each of circuitStates) values.follow(circuitState, { ...labels, state: each }, each === circuit ? 1 : 0)
}

/** A caller of `send` may name any command: from this many names on, the rest is one. */
const maxCommands = 200
const commands = new Set<string>()

const operation = (command: string): string => {
  if (commands.has(command)) return command
  if (commands.size >= maxCommands) return "_OTHER"
  commands.add(command)
  return command
}

/** by the address, the command and the error, a line each */
const durationOf = Instrument.remembered((text) => {
  const [address = "", command = "", error = ""] = text.split("\n")
  return duration({
    "db.system.name": "redis",
    "db.operation.name": operation(command),
    ...server(address),
    "error.type": error === "" ? undefined : error
  })
})

export const listener: CommandListener = {
  onCommand: (address, command, millis, error = "") => durationOf(`${address}\n${command}\n${error}`)(millis),
  onRejection: (address, reason) => rejections({ ...server(address), reason }),
  onConnect: (address, millis) => createTime({ ...server(address), "db.client.connection.pool.name": address })(millis),
  onDisconnect: (address, cause) => {
    if (cause === "Timeout") timeouts({ ...server(address), "db.client.connection.pool.name": address })
    failures({ ...server(address), "error.type": cause })
  },
  onEnd: (connection) => {
    publish(connection)
    publishedOf(connection).end()
  }
}

/** Brings the states and sizes of all connections up to date. */
export const collect = (): void => {
  for (const connection of observedConnections.members) publish(connection)
}
