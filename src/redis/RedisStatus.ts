/**
 * The status of a client: its connection, its circuit breaker and its server.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import type { RedisAuthError, RedisConnectError, RedisError } from "./RedisError.js"

/**
 * Why the client is not connected.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectionFailure = RedisConnectError | RedisAuthError | RedisError

/**
 * - `Connecting`: the first dial is under way
 * - `Connected`: commands are sent
 * - `Reconnecting`: dial number `attempt` follows in `nextIn`
 * - `Unavailable`: the attempts are used up, or a setting is wrong; the client probes slowly, without end
 * - `Disabled`: switched off or closed; nothing is ever sent
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectionState = Data.TaggedEnum<{
  Connecting: {}
  Connected: { readonly generation: number }
  Reconnecting: { readonly attempt: number; readonly nextIn: Duration.Duration; readonly cause: ConnectionFailure }
  Unavailable: { readonly since: DateTime.Utc; readonly nextIn: Duration.Duration; readonly cause: ConnectionFailure }
  Disabled: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const ConnectionState = Data.taggedEnum<ConnectionState>()

/**
 * `Closed` lets commands through, `Open` rejects them at once, `HalfOpen` rejects them while one probe is under way.
 *
 * @since 0.1.0
 * @category models
 */
export type CircuitState = "Closed" | "Open" | "HalfOpen"

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisStatus {
  readonly state: ConnectionState
  /** whether a command issued now would be handed to a live connection */
  readonly connected: boolean
  /** bytes accepted by the driver that the socket has not taken yet */
  readonly bufferedAmount: number
  /** commands sent and not answered */
  readonly inFlight: number
  /** commands accepted and not sent yet */
  readonly waiting: number
  readonly circuit: CircuitState
  /** counts the connections made so far; 0 before the first */
  readonly generation: number
  readonly server: Option.Option<RedisServerInfo>
  /** what the toolkit needs and the server refuses, as the last connection found it; absent where nothing was asked */
  readonly limitations?: ReadonlyArray<ServerLimitation> | undefined
  /** where the last connection leads, without user and password: the present primary behind sentinels; none for a cluster */
  readonly address: Option.Option<string>
  /** round trip of the last heartbeat */
  readonly latency: Option.Option<Duration.Duration>
  /** how far the server's clock is ahead of the system's clock here, in whole milliseconds */
  readonly clockOffsetMillis: number
  /** what ended the last connection or made the last dial fail */
  readonly lastFailure: Option.Option<ConnectionFailure>
  /** the primaries of a cluster; absent for one server */
  readonly nodes?: ReadonlyArray<NodeStatus> | undefined
}

/**
 * A command that the toolkit needs and the server refuses.
 *
 * @since 0.2.0
 * @category models
 */
export interface ServerLimitation {
  readonly command: "EVAL" | "TIME"
  /** `Unknown`: the server does not have it; `NoPermission`: the user may not run it */
  readonly reason: "Unknown" | "NoPermission"
  /** what does not work, and what to do */
  readonly advice: string
}

/**
 * The status of one primary of a cluster.
 *
 * @since 0.2.0
 * @category models
 */
export interface NodeStatus {
  /** `host:port` */
  readonly address: string
  readonly state: ConnectionState
  readonly circuit: CircuitState
  /** round trip of the last heartbeat */
  readonly latency: Option.Option<Duration.Duration>
  /** the first and the last slot of each range that it holds */
  readonly slots: ReadonlyArray<readonly [first: number, last: number]>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RedisServerInfo {
  readonly name: "Redis" | "Valkey" | "Dragonfly" | "Memory"
  readonly version: string
}
