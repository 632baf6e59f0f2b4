/**
 * The connections of this process, and the listener that times their commands.
 *
 * @internal
 */
import * as Observed from "../../internal/Observed.js"
import type { CircuitState, ConnectionState } from "../RedisStatus.js"

/** The address of a driver that names none. */
export const unnamed = "redis"

export interface ObservedConnection {
  /** where it leads, without user and password */
  readonly address: () => string
  readonly state: () => ConnectionState["_tag"]
  readonly circuit: () => CircuitState
  /** how often the circuit has opened */
  readonly circuitOpenings: () => number
  /** commands sent and not answered */
  readonly inFlight: () => number
  /** commands accepted and not sent yet */
  readonly waiting: () => number
}

export interface CommandListener {
  /** A command has ended. `millis` counts from its call, `error` is the tag of its failure. */
  readonly onCommand: (address: string, command: string, millis: number, error: string | undefined) => void
  /** A command was rejected unsent. */
  readonly onRejection: (address: string, reason: string) => void
  /** A connection was made: `millis` for dial and handshake. */
  readonly onConnect: (address: string, millis: number) => void
  /** A dial has failed, or a connection has ended. */
  readonly onDisconnect: (address: string, cause: string) => void
  /** The connection is supervised no more: its counts are read for the last time. */
  readonly onEnd: (connection: ObservedConnection) => void
}

export const observedConnections: Observed.Observed<ObservedConnection, CommandListener> = Observed.make("connections")
